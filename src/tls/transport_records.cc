// A Transport with a record layer of ours.
#include <algorithm>
#include <array>
#include <cstring>

#include "tls/transport.h"
#include "tls/transport_input.h"

namespace pingap::tls {

// What a read has to fill, in order.
class Transport::Rooms {
 public:
  explicit Rooms(std::span<const iovec> all) noexcept : left_(all) { skip_full(); }

  bool full() const noexcept { return left_.empty(); }

  size_t filled() const noexcept { return filled_; }

  // The one that is filled now; empty where all are full.
  std::span<char> front() const noexcept {
    if (full()) {
      return {};
    }
    const iovec& room = left_.front();
    return std::span(static_cast<char*>(room.iov_base), room.iov_len).subspan(used_);
  }

  // So much of the front was written to.
  void fill(size_t bytes) noexcept {
    used_ += bytes;
    filled_ += bytes;
    skip_full();
  }

  // Copies what there is room for; returns the rest.
  std::string_view copy(std::string_view from) noexcept {
    while (!from.empty() && !full()) {
      const size_t part = from.copy(front().data(), front().size());
      fill(part);
      from.remove_prefix(part);
    }
    return from;
  }

 private:
  void skip_full() noexcept {
    while (!left_.empty() && left_.front().iov_len == used_) {
      left_ = left_.subspan(1);
      used_ = 0;
    }
  }

  std::span<const iovec> left_;
  size_t used_ = 0;  // of the first
  size_t filled_ = 0;
};

// ---- reading

// Goes on with what was left by the call before.
void Transport::resume() noexcept {
  size_t size = 0;
  while (!received_.empty()) {
    const std::string_view front = received_.front();
    std::ranges::copy(front, t_input.data() + size);
    size += front.size();
    received_.consume(front.size());
  }
  input_ = {t_input.data(), size};
}

// The next whole one; empty where there is none yet. Reads the socket only where what is here is
// less than a record: all that is ever left fits into t_input.
std::span<char> Transport::next_record() noexcept {
  for (;;) {
    const size_t size = RecordLayer::size_of(input_);
    const size_t have = input_.size();
    if (size != 0 && have >= size) {
      const std::span<char> record = input_.first(size);
      input_ = input_.subspan(size);
      wire_ += size;
      return record;
    }
    std::memmove(t_input.data(), input_.data(), have);
    const size_t wanted = std::max(read_limit_, size - std::min(size, have));
    const size_t got = receive({t_input.data() + have, std::min(wanted, kMaxRead)});
    input_ = {t_input.data(), have + got};
    if (got == 0) {
      return {};
    }
  }
}

// Opens one record, into the rooms where it fits.
Transport::Step Transport::open_next(Rooms& rooms) noexcept {
  if (closed_ || broken_) {
    return closed_ ? Step::closed : Step::failed;
  }
  const std::span<char> record = next_record();
  if (record.empty()) {
    return socket_ended_ || failed_ ? Step::failed : Step::nothing;
  }
  const std::span<char> room = rooms.front();
  const bool fits = room.size() >= RecordLayer::room_for(record.size());
  char* const to = fits ? room.data() : record.data() + RecordLayer::kHeader;
  const RecordLayer::Opened opened = records_->open(record, to);
  if (opened.got == RecordLayer::Got::failed) {
    if (may_seal()) {
      seal_small(&RecordLayer::seal_alert);
    }
    broken_ = true;
    return Step::failed;
  }
  if (opened.got == RecordLayer::Got::closed) {
    closed_ = true;
    input_ = {};  // nobody looks at it (RFC 8446 6.1)
    return Step::closed;
  }
  if (fits) {
    rooms.fill(opened.bytes);
  } else {
    plain_.append(rooms.copy({to, opened.bytes}));
  }
  return Step::data;
}

net::IoResult Transport::read_records(std::span<const iovec> all) noexcept {
  Rooms rooms(all);
  while (!plain_.empty() && !rooms.full()) {
    const std::string_view front = plain_.front();
    plain_.consume(front.size() - rooms.copy(front).size());
  }
  Step step = Step::data;
  resume();
  while (!rooms.full() && step == Step::data && may_go_on(rooms.filled())) {
    step = open_next(rooms);
  }
  keep_rest();
  if (records_->update_due() && may_seal() && made_.size() < kMaxMade) {
    seal_small(&RecordLayer::seal_update);
  }
  if (!made_.empty()) {
    send(End::no);  // an answer to a key update, an alert
  }
  if (rooms.filled() > 0) {
    // An end or an error is told by the next call.
    return {.more = step != Step::nothing, .bytes = rooms.filled(), .wire = wire_};
  }
  switch (step) {
    case Step::closed:
      return {.status = net::IoStatus::eof};
    case Step::failed:
      // Also an end without close_notify: bytes may be missing (TLS-14).
      return fail_reading();
    default:
      return {.status = net::IoStatus::would_block};
  }
}

bool Transport::records_broken_off() noexcept {
  // The first look may find a part of a record, the second what is behind it.
  for (int looks = 0; looks < 2 && !failed_; ++looks) {
    drained_ = false;
    read_limit_ = kRecord;
    Rooms none({});
    resume();
    Step step = Step::data;
    while (plain_.empty() && step == Step::data) {
      step = open_next(none);  // past new keys and what else is no data
    }
    keep_rest();
    if (step == Step::data || step == Step::closed) {
      return false;
    }
    if (step == Step::failed) {
      fail_reading();
    }
  }
  return failed_;
}

// ---- writing

// One record, which fits into a chunk with what is around it.
bool Transport::seal(ByteQueue& from) noexcept {
  constexpr size_t kMost = kChunkSize - RecordLayer::kOverhead;
  static_assert(kMost <= RecordLayer::kMaxPlain);
  if (!may_seal() || (records_->update_due() && !seal_small(&RecordLayer::seal_update))) {
    return false;
  }
  std::array<iovec, 16> slots;  // NOLINT(*-member-init): filled by gather
  const std::span<iovec> parts = from.gather(slots);
  size_t size = 0;
  size_t count = 0;
  while (count < parts.size() && size < kMost) {
    iovec& part = parts[count++];
    part.iov_len = std::min(part.iov_len, kMost - size);
    size += part.iov_len;
  }
  char* const to = made_.prepare(size + RecordLayer::kOverhead).data();
  const char* const end = records_->seal(parts.first(count), to);
  made_.commit(end == nullptr ? 0 : static_cast<size_t>(end - to));
  from.consume(end == nullptr ? 0 : size);
  return end != nullptr;
}

bool Transport::seal_small(char* (RecordLayer::*what)(char*) noexcept) noexcept {
  char* const to = made_.prepare(RecordLayer::kSmallRecord).data();
  const char* const end = (records_.get()->*what)(to);
  made_.commit(end == nullptr ? 0 : static_cast<size_t>(end - to));
  return end != nullptr;
}

}  // namespace pingap::tls

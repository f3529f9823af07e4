#include "proxy/request_body.h"

#include <algorithm>

#include "http/limits.h"

namespace pingap::proxy {
namespace {

namespace limits = http::limits;

// Slices below this are copied into what is kept for a second try, so that it holds no more than
// twice its bytes in chunks.
constexpr size_t kCopyBelow = kChunkSize / 2;

// Trailers are views that are valid for one call only.
const http::HeaderMap* copy_of(const http::HeaderMap& trailers, Arena& arena) noexcept {
  auto* copy = arena.make<http::HeaderMap>(
      std::span(arena.make_array<http::Field>(trailers.size()), trailers.size()));
  for (const http::Field& field : trailers.fields()) {
    if (!field.removed()) {
      copy->add(arena.copy(field.name()), arena.copy(field.value()));
    }
  }
  return copy;
}

}  // namespace

void RequestBody::forbid_replay() noexcept {
  replayable_ = false;
  replay_.clear();
}

// While no try is under way this is all there is of what came: it must not be lost. The client
// sends no more than its window then, as nothing is given back to it.
void RequestBody::keep(const ByteQueue& data, uint64_t total, bool under_way) noexcept {
  if (!replayable_) {
    return;
  }
  if (total <= limits::kReplay || !under_way) {
    replay_.share_from(data, kCopyBelow);
  } else {
    forbid_replay();
  }
}

Result<> RequestBody::take(ByteQueue& data, End end, uint64_t total,
                           http::ClientStream* to) noexcept {
  over_ = over_ || end == End::yes;
  const size_t bytes = data.size();
  if (spool_) {
    if (auto kept = spool_->append(data); !kept) {
      return kept;
    }
    client_->release_window(bytes);
    return {};
  }
  keep(data, total, to != nullptr);
  if (to != nullptr) {
    to->send_body(data, end);
  } else if (!replayable_) {
    discard(data);  // no try is under way and none may follow
  }
  return {};
}

void RequestBody::take_trailers(http::HeaderMap& trailers, http::ClientStream* to) noexcept {
  over_ = true;
  if (spool_) {
    return;  // a buffered body has a length, and no trailers
  }
  if (replayable_) {
    trailers_ = copy_of(trailers, arena_);
  }
  if (to != nullptr) {
    to->send_trailers(trailers);
  }
}

void RequestBody::discard(ByteQueue& data) noexcept {
  const size_t bytes = data.size();
  data.clear();
  client_->release_window(bytes);
}

Result<> RequestBody::send_to(http::ClientStream& to) noexcept {
  if (spool_) {
    spool_sent_ = 0;
    return pump(to);
  }
  const bool ends = over_ && trailers_ == nullptr;
  if (!replay_.empty() || ends) {
    ByteQueue copy;
    copy.share_from(replay_, 0);
    to.send_body(copy, ends ? End::yes : End::no);
  }
  if (trailers_ != nullptr) {
    to.send_trailers(*trailers_);
  }
  return {};
}

// From a buffered body: never more on its way than a window.
Result<> RequestBody::pump(http::ClientStream& to) noexcept {
  ByteQueue piece;
  const uint64_t rest = spool_->size() - spool_sent_;
  if (auto got = spool_->read(spool_sent_, std::min<uint64_t>(rest, limits::kWindow), piece);
      !got) {
    return got;
  }
  spool_sent_ += piece.size();
  to.send_body(piece, spool_sent_ == spool_->size() ? End::yes : End::no);
  return {};
}

Result<> RequestBody::on_sent(uint64_t bytes, http::ClientStream& to) noexcept {
  if (spool_) {
    const bool low = spool_sent_ - bytes < limits::kWindow / 2;
    return spool_sent_ < spool_->size() && low ? pump(to) : Result<>{};
  }
  // A second try sends again what the first one had: that was given back to the client already.
  if (bytes > released_) {
    client_->release_window(bytes - std::exchange(released_, bytes));
  }
  return {};
}

}  // namespace pingap::proxy

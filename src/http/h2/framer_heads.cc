// Header blocks that come: put together, decoded in any case, and held to the rules of messages.
#include <algorithm>
#include <utility>

#include "http/h2/framer.h"
#include "http/limits.h"

namespace pingap::http::h2 {
namespace {

// Without padding and priority, of a HEADERS frame (RFC 9113 6.2). False where there is more of
// them than of the frame.
bool strip(const FrameHeader& header, std::string_view& payload) noexcept {
  size_t pad = 0;
  if (header.has(kPadded)) {
    if (payload.empty()) {
      return false;
    }
    pad = static_cast<uint8_t>(payload.front());
    payload.remove_prefix(1);
  }
  constexpr size_t kPriorityFields = 5;
  const size_t before = header.has(kPriority) ? kPriorityFields : 0;
  if (before + pad > payload.size()) {
    return false;
  }
  payload = payload.substr(before, payload.size() - before - pad);
  return true;
}

}  // namespace

// Those of a malformed head are decoded and go nowhere.
bool Framer::on_field(const hpack::DecodedField& field) noexcept {
  Fields& fields = *fields_;
  fields.size += field.name.text.size() + field.value.size() + kFieldOverhead;
  if (fields.size > limits::kH2Bomb) {
    break_off(ErrorCode::h2_head_flood, Code::enhance_your_calm);
    return false;
  }
  if (fields.rules == nullptr || fields.malformed) {
    return true;
  }
  if (!fields.rules->add(field)) {
    fields.malformed = true;
    return true;
  }
  if (field.name.id == HeaderId::priority) {
    fields.priority = parse_priority(field.value);
  }
  events_.on_field(field);
  return !stopped_;
}

void Framer::on_headers(std::string_view payload) noexcept {
  const FrameHeader& header = reader_.header();
  const End end = header.has(kEndStream) ? End::yes : End::no;
  if (!strip(header, payload)) {
    break_off(Code::protocol_error);
    return;
  }
  if (header.has(kEndHeaders)) [[likely]] {
    take_block(header.stream, end, payload);
    return;
  }
  block_.stream = header.stream;
  block_.end = end;
  block_.continuations = 0;
  block_.bytes = payload;
}

void Framer::on_continuation(std::string_view payload) noexcept {
  block_.bytes += payload;
  if (++block_.continuations > limits::kH2Continuations || block_.bytes.size() > limits::kH2Bomb) {
    break_off(ErrorCode::h2_head_flood, Code::enhance_your_calm);
    return;
  }
  if (reader_.header().has(kEndHeaders)) {
    const Block block = std::exchange(block_, {});
    take_block(block.stream, block.end, block.bytes);
  }
}

void Framer::take_block(int32_t id, End end, std::string_view block) noexcept {
  FramedStream* stream = table_.find(id);
  if (stream == nullptr) {
    take_request_block(id, end, block);
    return;
  }
  if (stream->resetting_) {
    skip_block(block);
    return;
  }
  if (stream->remote_closed_) {
    reset(*stream, Code::stream_closed);
    skip_block(block);
    return;
  }
  const bool head = role_ == Role::client && !stream->message_.has_head();
  read_head(*stream, head ? HeadRules::Kind::response : HeadRules::Kind::trailers, end, block);
}

// Of a stream that is not open: a new one, or one that is over, whose head was on its way when it
// ended (RFC 9113 5.1).
void Framer::take_request_block(int32_t id, End end, std::string_view block) noexcept {
  const bool new_stream = is_idle(id);
  if (new_stream && id % 2 == 0) {
    break_off(Code::protocol_error);
    return;
  }
  // Also one that GOAWAY has ruled out is no idle stream from now on: what else its client has sent
  // of it before it knew is ignored, as its head is (RFC 9113 6.8).
  last_stream_ = std::max(last_stream_, id);
  if (!new_stream || id > goaway_last_) {
    skip_block(block);
    return;
  }
  if (table_.count() >= streams_) {
    skip_block(block);
    if (!stopped_) {
      write_number(FrameType::rst_stream, id, static_cast<uint32_t>(Code::refused_stream));
      events_.on_reset_sent(nullptr, Code::refused_stream);
    }
    return;
  }
  open_request(id, end, block);
}

void Framer::open_request(int32_t id, End end, std::string_view block) noexcept {
  last_request_ = id;
  FramedStream& stream = events_.on_request(id);
  stream.send_window_ = peer_.initial_window_size;
  stream.receive_window_ = limits::kWindow;
  stream.open_ = true;
  table_.add(stream);
  read_head(stream, HeadRules::Kind::request, end, block);
}

void Framer::read_head(FramedStream& stream, HeadRules::Kind kind, End end,
                       std::string_view block) noexcept {
  events_.on_head_begun(stream);
  HeadRules rules(kind, stream.message_, extended_connect_);
  Fields fields;
  fields.rules = &rules;
  if (!decode(block, fields)) {
    return;
  }
  stream.remote_closed_ = end == End::yes;
  if (fields.malformed || !rules.finish(end)) {
    reset(stream, Code::protocol_error);
    events_.on_malformed_head(stream);
    return;
  }
  if (kind == HeadRules::Kind::request) {
    set_first_priority(stream, fields);
  }
  events_.on_head(stream,
                  kind == HeadRules::Kind::trailers ? FramerEvents::Section::trailers
                                                    : FramerEvents::Section::head,
                  end);
  if (!stopped_) {
    close_if_done(stream);
  }
}

// False where the connection ends.
bool Framer::decode(std::string_view block, Fields& fields) noexcept {
  fields_ = &fields;
  if (decoder_.decode(block, hpack::TakeField::of<&Framer::on_field>(this)) ==
      hpack::Decoder::Outcome::broken) {
    break_off(Code::compression_error);
  }
  fields_ = nullptr;
  return !stopped_;
}

// Nobody wants it; the table is kept in step (RFC 9113 4.3).
void Framer::skip_block(std::string_view block) noexcept {
  Fields nobody;
  decode(block, nobody);
}

// Where a request says nothing of its priority, it shares with the others: the answers of clients
// that know no priorities do not wait for each other. RFC 9218 4.2 would have them one by one.
void Framer::set_first_priority(FramedStream& stream, const Fields& fields) noexcept {
  stream.priority_ = fields.priority.value_or(Priority{kDefaultUrgency, true});
  for (const Prioritized& one : prioritized_) {
    if (one.stream == stream.id_) {
      stream.priority_ = one.priority;  // PRIORITY_UPDATE is the newer word (RFC 9218 7)
    }
  }
  std::erase_if(prioritized_, [&](const Prioritized& one) { return one.stream <= stream.id_; });
}

}  // namespace pingap::http::h2

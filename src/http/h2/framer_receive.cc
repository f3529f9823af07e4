// Frames that come, but DATA and header blocks: what each of them may be, and what it does. An
// error is that of RFC 9113 4 to 6, where each is described.
#include <algorithm>
#include <utility>

#include "http/h2/framer.h"
#include "http/limits.h"

namespace pingap::http::h2 {

using Token = FrameReader::Token;

void Framer::receive(std::string_view bytes) noexcept {
  while (!stopped_ && step(reader_.next(bytes))) {
  }
}

// False: no more can be done with what is here.
bool Framer::step(Token token) noexcept {
  switch (token) {
    case Token::more:
      return false;
    case Token::header:
      on_header();
      break;
    case Token::frame:
      on_frame();
      break;
    case Token::body:
      on_body(reader_.payload());
      break;
    case Token::body_end:
      on_body_end();
      break;
    case Token::bad_padding:
    case Token::bad_preface:
      break_off(Code::protocol_error);
      break;
  }
  return true;
}

void Framer::break_off(Code code) noexcept {
  break_off(code == Code::enhance_your_calm ? ErrorCode::h2_frame_flood : ErrorCode::h2_protocol,
            code);
}

void Framer::break_off(ErrorCode why, Code code) noexcept {
  if (!stopped_) {
    events_.on_broken(why, code);
    terminate(code);  // whatever the session did
  }
}

// A stream that nobody has opened yet. What was passed over is closed (RFC 9113 5.1.1).
bool Framer::is_idle(int32_t id) const noexcept {
  const bool ours = (id % 2 == 1) == (role_ == Role::client);
  if (ours) {
    return next_stream_ != 0 && id >= next_stream_;
  }
  return id > last_stream_;
}

// SETTINGS come first (RFC 9113 3.4), nothing comes between parts of a header block (4.3), and no
// answer before its request, which may be sent while the rest of such a frame is on its way.
bool Framer::is_in_order(const FrameHeader& header) const noexcept {
  if (!peer_.said && (header.type != FrameType::settings || header.has(kAck))) {
    return false;
  }
  const bool continues = header.type == FrameType::continuation;
  if (block_.stream == 0 ? continues : !continues || header.stream != block_.stream) {
    return false;
  }
  return role_ == Role::server || header.type != FrameType::headers || !is_idle(header.stream);
}

void Framer::on_header() noexcept {
  const FrameHeader& header = reader_.header();
  if (header.length > kMaxFrame) {
    break_off(Code::frame_size_error);
    return;
  }
  if (!is_in_order(header)) {
    break_off(Code::protocol_error);
    return;
  }
  events_.on_frame(header);
  if (!stopped_ && header.type == FrameType::data) {
    on_data_header();
  }
}

void Framer::on_frame() noexcept {
  const FrameHeader& header = reader_.header();
  const std::string_view payload = reader_.payload();
  switch (header.type) {
    case FrameType::headers:
      if (header.stream == 0) {
        break_off(Code::protocol_error);
        return;
      }
      return on_headers(payload);
    case FrameType::continuation:
      return on_continuation(payload);
    case FrameType::settings:
      return on_settings(payload);
    case FrameType::ping:
      return on_ping(payload);
    case FrameType::goaway:
      return on_goaway(payload);
    case FrameType::rst_stream:
      return on_rst_stream(payload);
    case FrameType::window_update:
      return on_window_update(payload);
    case FrameType::priority:
      return on_priority(payload);
    case FrameType::priority_update:
      return on_priority_update(payload);
    case FrameType::push_promise:
      // Clients push nothing, and no backend may push to us (RFC 9113 8.4).
      return break_off(Code::protocol_error);
    case FrameType::data:
      return;
  }
  // Nobody knows it (RFC 9113 5.5).
}

// ---- the connection ----

void Framer::on_settings(std::string_view payload) noexcept {
  const FrameHeader& header = reader_.header();
  if (header.stream != 0) {
    return break_off(Code::protocol_error);
  }
  if (header.has(kAck)) {
    return payload.empty() ? events_.on_settings_ack() : break_off(Code::frame_size_error);
  }
  if (payload.size() % kSettingEntry != 0) {
    return break_off(Code::frame_size_error);
  }
  if (payload.size() > kSettingEntry * limits::kH2Settings) {
    return break_off(Code::enhance_your_calm);
  }
  apply_settings(payload);
  if (!stopped_) {
    answer(FrameType::settings, {});
  }
  if (!stopped_) {
    events_.on_settings();
  }
}

void Framer::apply_settings(std::string_view payload) noexcept {
  const auto before = static_cast<int64_t>(peer_.initial_window_size);
  if (const Code code = peer_.take(payload, role_); code != Code::no_error) {
    return break_off(code);
  }
  encoder_.set_limit(peer_.least_table_size);
  encoder_.set_limit(peer_.header_table_size);
  const int64_t change = peer_.initial_window_size - before;
  if (change == 0) {
    return;
  }
  bool good = true;
  table_.for_each([&](FramedStream& stream) {
    stream.send_window_ += change;  // below zero, too (RFC 9113 6.9.2)
    good = good && stream.send_window_ <= kMaxWindow;
    wake(stream);
  });
  if (!good) {
    break_off(Code::flow_control_error);
  }
}

void Framer::on_ping(std::string_view payload) noexcept {
  constexpr size_t kSize = 8;
  const FrameHeader& header = reader_.header();
  if (header.stream != 0 || payload.size() != kSize) {
    return break_off(header.stream != 0 ? Code::protocol_error : Code::frame_size_error);
  }
  if (!header.has(kAck)) {
    answer(FrameType::ping, payload);
  }
  if (!stopped_) {
    events_.on_ping();
  }
}

void Framer::on_goaway(std::string_view payload) noexcept {
  constexpr size_t kLeast = 8;
  if (reader_.header().stream != 0 || payload.size() < kLeast) {
    return break_off(reader_.header().stream != 0 ? Code::protocol_error : Code::frame_size_error);
  }
  goaway_received_ = true;
  const auto last = static_cast<int32_t>(read_uint32(payload) & kMaxWindow);
  events_.on_goaway();
  // The peer has not looked at those behind the last one (RFC 9113 6.8).
  while (!stopped_ && role_ == Role::client) {
    FramedStream* lost = nullptr;
    table_.for_each([&](FramedStream& stream) {
      lost = stream.id_ > last && (lost == nullptr || stream.id_ < lost->id_) ? &stream : lost;
    });
    if (lost == nullptr) {
      return;
    }
    close(*lost, Code::refused_stream);
  }
}

void Framer::on_connection_window(uint32_t increment) noexcept {
  send_window_ += increment;
  if (send_window_ > kMaxWindow) {
    return break_off(Code::flow_control_error);
  }
  if (send_window_ > 0) {
    scheduler_.feed();
  }
  events_.on_window_update(increment, send_window_);
}

// ---- streams ----

void Framer::on_rst_stream(std::string_view payload) noexcept {
  constexpr size_t kSize = 4;
  const int32_t id = reader_.header().stream;
  if (payload.size() != kSize) {
    return break_off(Code::frame_size_error);
  }
  if (id == 0 || is_idle(id)) {
    return break_off(Code::protocol_error);
  }
  const auto code = static_cast<Code>(read_uint32(payload));
  FramedStream* stream = table_.find(id);
  if (stream != nullptr && stream->resetting_) {
    events_.on_reset_sent(stream, stream->reset_code_);  // or its cause would never be told
  } else {
    events_.on_reset(stream, code);
  }
  if (stream != nullptr && !stopped_) {
    close(*stream, code);
  }
}

void Framer::on_window_update(std::string_view payload) noexcept {
  constexpr size_t kSize = 4;
  const int32_t id = reader_.header().stream;
  if (payload.size() != kSize) {
    return break_off(Code::frame_size_error);
  }
  const uint32_t increment = read_uint32(payload) & kMaxWindow;
  if (increment == 0 || (id != 0 && is_idle(id))) {
    return break_off(Code::protocol_error);
  }
  if (id == 0) {
    return on_connection_window(increment);
  }
  FramedStream* stream = table_.find(id);
  if (stream == nullptr || stream->resetting_) {
    return events_.on_window_update(increment, -1);
  }
  stream->send_window_ += increment;
  if (stream->send_window_ > kMaxWindow) {
    return reset(*stream, Code::flow_control_error);
  }
  wake(*stream);
  events_.on_window_update(increment, stream->send_window_);
}

// Its tree is history (RFC 9113 5.3.2); what it costs is counted by its header.
void Framer::on_priority(std::string_view payload) noexcept {
  constexpr size_t kSize = 5;
  if (reader_.header().stream == 0 || payload.size() != kSize) {
    break_off(reader_.header().stream == 0 ? Code::protocol_error : Code::frame_size_error);
  }
}

// RFC 9218 7.1. It may come before its stream.
void Framer::on_priority_update(std::string_view payload) noexcept {
  constexpr size_t kLeast = 4;
  if (reader_.header().stream != 0 || role_ == Role::client) {
    return break_off(Code::protocol_error);
  }
  if (payload.size() < kLeast) {
    return break_off(Code::frame_size_error);
  }
  const auto id = static_cast<int32_t>(read_uint32(payload) & kMaxWindow);
  if (id == 0) {
    return break_off(Code::protocol_error);
  }
  const Priority priority = parse_priority(payload.substr(kLeast));
  if (FramedStream* stream = table_.find(id)) {
    scheduler_.change(*stream, priority);
  } else if (is_idle(id) && id % 2 != 0) {
    keep_priority(id, priority);
  }
}

// The newest word on a stream to come is what counts (RFC 9218 7.1).
void Framer::keep_priority(int32_t id, Priority priority) {
  const auto known = std::ranges::find(prioritized_, id, &Prioritized::stream);
  if (known != prioritized_.end()) {
    known->priority = priority;
  } else if (prioritized_.size() < limits::kH2Streams) {
    prioritized_.push_back({id, priority});
  }
}

}  // namespace pingap::http::h2

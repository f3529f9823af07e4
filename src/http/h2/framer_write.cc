// Frames that we send: how they are laid out, and in which order DATA goes out.
#include <algorithm>
#include <array>

#include "http/h2/framer.h"
#include "http/limits.h"

namespace pingap::http::h2 {

void Framer::write() noexcept {
  while (!stopped_ && has_room()) {
    if (FramedStream* ended = scheduler_.take_ended()) {
      finish_sending(*ended);
    } else if (FramedStream* reset = scheduler_.take_reset()) {
      write_reset(*reset);
    } else if (FramedStream* stream = scheduler_.take()) {
      write_data(*stream);
    } else {
      return;
    }
  }
}

// ---- DATA ----

// A frame of it. What waits for a window is added again by that.
void Framer::write_data(FramedStream& stream) noexcept {
  const size_t waiting = stream.body_.size();
  if (waiting > 0 && send_window_ <= 0) {
    scheduler_.add_starved(stream);
    return;
  }
  const int64_t window = std::min(stream.send_window_, send_window_);
  const size_t size =
      std::min({waiting, kMaxFrame, static_cast<size_t>(std::max<int64_t>(window, 0))});
  const bool last = stream.send_over_ && size == waiting;
  if (size == 0 && !last) {
    return;
  }
  const bool trailers = last && !stream.trailers_.empty();
  if (size > 0 || !trailers) {
    write_data_frame(stream, size, last && !trailers ? kEndStream : 0);
  }
  sending_ = &stream;
  events_.on_framed(stream, size);
  sending_ = nullptr;
  if (stopped_ || stream.resetting_) {
    return;
  }
  if (stream.breaks_off_ && stream.body_.empty()) {
    reset(stream, stream.reset_code_);
    return;
  }
  if (trailers) {
    write_trailers(stream);
  }
  if (last) {
    finish_sending(stream);
  } else if (stream.body_.empty() ? stream.send_over_ : stream.send_window_ > 0) {
    scheduler_.add_again(stream);
  }
}

void Framer::write_data_frame(FramedStream& stream, size_t size, uint8_t flags) noexcept {
  char* const to = out_.prepare(kFrameHeader).data();
  write_frame_header(to, {static_cast<uint32_t>(size), FrameType::data, flags, stream.id_});
  out_.commit(kFrameHeader);
  out_.move_from(stream.body_, size, kCopyBelow);
  stream.send_window_ -= static_cast<int64_t>(size);
  send_window_ -= static_cast<int64_t>(size);
}

void Framer::write_trailers(FramedStream& stream) noexcept {
  std::vector<FieldView> fields;
  fields.reserve(stream.trailers_.size());
  for (const KeptField& trailer : stream.trailers_) {
    fields.push_back(trailer.view());
  }
  write_head(stream.id_, fields, End::yes);
}

void Framer::write_reset(FramedStream& stream) noexcept {
  const Code code = stream.reset_code_;
  write_number(FrameType::rst_stream, stream.id_, static_cast<uint32_t>(code));
  events_.on_reset_sent(&stream, code);
  if (!stopped_) {
    close(stream, code);
  }
}

// ---- heads ----

char* Framer::write_block(char* to, std::span<const FieldView> fields) noexcept {
  to = encoder_.begin(to);
  for (const FieldView& field : fields) {
    to = field.never_indexed ? encoder_.write_never_indexed(to, field.name, field.value)
                             : encoder_.write(to, field.name, field.value);
  }
  return to;
}

void Framer::write_head(int32_t id, std::span<const FieldView> fields, End end) noexcept {
  size_t room = hpack::Encoder::kBeginRoom;
  for (const FieldView& field : fields) {
    room += hpack::Encoder::room_for(field.name.text, field.value);
  }
  if (room > kMaxFrame - kFrameHeader) {
    write_long_head(id, fields, end, room);
    return;
  }
  char* const start = out_.prepare(kFrameHeader + room).data();
  char* const block = start + kFrameHeader;
  const auto size = static_cast<uint32_t>(write_block(block, fields) - block);
  const uint8_t flags = end == End::yes ? kEndHeaders | kEndStream : kEndHeaders;
  write_frame_header(start, {size, FrameType::headers, flags, id});
  out_.commit(kFrameHeader + size);
}

// One that may need CONTINUATION (RFC 9113 6.10).
void Framer::write_long_head(int32_t id, std::span<const FieldView> fields, End end,
                             size_t room) noexcept {
  std::string block(room, '\0');
  block.resize(static_cast<size_t>(write_block(block.data(), fields) - block.data()));
  std::string_view rest = block;
  FrameType type = FrameType::headers;
  uint8_t flags = end == End::yes ? kEndStream : 0;
  do {
    const std::string_view part = rest.substr(0, kMaxFrame);
    rest.remove_prefix(part.size());
    flags = rest.empty() ? static_cast<uint8_t>(flags | kEndHeaders) : flags;
    write_frame(type, flags, id, part);
    type = FrameType::continuation;
    flags = 0;
  } while (!rest.empty());
}

// ---- all others ----

void Framer::write_frame(FrameType type, uint8_t flags, int32_t stream,
                         std::string_view payload) noexcept {
  std::array<char, kFrameHeader> header;
  write_frame_header(header.data(), {static_cast<uint32_t>(payload.size()), type, flags, stream});
  out_.append({header.data(), header.size()});
  out_.append(payload);
}

// A frame whose payload is one number.
void Framer::write_number(FrameType type, int32_t stream, uint32_t number) noexcept {
  std::array<char, 4> payload;
  write_uint32(payload.data(), number);
  write_frame(type, 0, stream, {payload.data(), payload.size()});
}

void Framer::write_goaway(int32_t last, Code code) noexcept {
  std::array<char, 8> payload;
  write_uint32(write_uint32(payload.data(), static_cast<uint32_t>(last)),
               static_cast<uint32_t>(code));
  write_frame(FrameType::goaway, 0, 0, {payload.data(), payload.size()});
}

// A peer that has us answer and does not read would have us hold the answers.
void Framer::answer(FrameType type, std::string_view payload) noexcept {
  if (++answers_ > limits::kH2Acks) {
    break_off(ErrorCode::h2_frame_flood, Code::enhance_your_calm);
    return;
  }
  write_frame(type, kAck, 0, payload);
}

}  // namespace pingap::http::h2

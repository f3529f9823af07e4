#include "demo/websocket_echo.h"

#include <algorithm>

namespace pingap::demo {
namespace {

constexpr uint8_t kFinal = 0x80;
constexpr uint8_t kReserved = 0x70;
constexpr uint8_t kMasked = 0x80;
constexpr uint16_t kProtocolError = 1002;  // RFC 6455 7.4.1
constexpr size_t kMaxControl = 125;        // RFC 6455 5.5

}  // namespace

bool WebSocketEcho::take(std::string_view bytes, ByteQueue& out) {
  while (!over_ && !bytes.empty()) {
    bytes.remove_prefix(in_payload_ ? take_payload(bytes, out) : take_head(bytes, out));
  }
  return !over_;
}

// Two bytes, 0, 2 or 8 of the length, 4 of the mask (RFC 6455 5.2).
size_t WebSocketEcho::head_size() const noexcept {
  if (head_bytes_ < 2) {
    return 2;
  }
  const uint8_t length = head_[1] & 0x7f;
  return 6 + (length == 126 ? 2U : 0U) + (length == 127 ? 8U : 0U);
}

size_t WebSocketEcho::take_head(std::string_view bytes, ByteQueue& out) {
  size_t taken = 0;
  while (head_bytes_ < head_size() && taken < bytes.size()) {
    head_[head_bytes_++] = static_cast<uint8_t>(bytes[taken++]);
    if (head_bytes_ == 2 && !check_head()) {
      refuse(kProtocolError, out);
      return taken;
    }
  }
  if (head_bytes_ < head_size()) {
    return taken;
  }
  const size_t length_bytes = head_bytes_ - 6;
  payload_ = head_[1] & 0x7f;
  if (length_bytes > 0) {
    payload_ = 0;
    for (size_t i = 0; i < length_bytes; ++i) {
      payload_ = payload_ << 8 | head_[2 + i];
    }
  }
  if (payload_ >> 63 != 0) {
    refuse(kProtocolError, out);
    return taken;
  }
  start_payload(out);
  return taken;
}

bool WebSocketEcho::check_head() noexcept {
  const bool final = (head_[0] & kFinal) != 0;
  if ((head_[0] & kReserved) != 0 || (head_[1] & kMasked) == 0) {
    return false;  // no extension was agreed on, and a client masks (RFC 6455 5.1)
  }
  switch (opcode()) {
    case Opcode::continuation:
      return std::exchange(in_message_, !final);
    case Opcode::text:
    case Opcode::binary:
      return !std::exchange(in_message_, !final);
    case Opcode::close:
    case Opcode::ping:
    case Opcode::pong:
      return final && (head_[1] & 0x7f) <= kMaxControl;
  }
  return false;
}

// The head of our frame: the same, but not masked; a ping becomes a pong, a pong has no answer.
void WebSocketEcho::start_payload(ByteQueue& out) {
  in_payload_ = true;
  taken_ = 0;
  if (opcode() != Opcode::pong) {
    std::array<char, 10> head;
    head[0] = static_cast<char>(opcode() == Opcode::ping ? kFinal | 0x0a : head_[0]);
    head[1] = static_cast<char>(head_[1] & 0x7f);
    const size_t length_bytes = head_bytes_ - 6;
    std::copy_n(head_.begin() + 2, length_bytes, head.begin() + 2);
    out.append({head.data(), 2 + length_bytes});
  }
  if (payload_ == 0) {
    end_frame();
  }
}

size_t WebSocketEcho::take_payload(std::string_view bytes, ByteQueue& out) {
  const size_t size = static_cast<size_t>(std::min<uint64_t>(bytes.size(), payload_ - taken_));
  const uint8_t* mask = head_.data() + head_bytes_ - 4;
  for (size_t done = 0; done < size;) {
    std::array<char, 1024> piece;
    const size_t count = std::min(piece.size(), size - done);
    for (size_t i = 0; i < count; ++i) {
      piece[i] = static_cast<char>(static_cast<uint8_t>(bytes[done + i]) ^ mask[(taken_ + i) & 3]);
    }
    if (opcode() != Opcode::pong) {
      out.append({piece.data(), count});
    }
    taken_ += count;
    done += count;
  }
  if (taken_ == payload_) {
    end_frame();
  }
  return size;
}

void WebSocketEcho::end_frame() noexcept {
  over_ = opcode() == Opcode::close;
  in_payload_ = false;
  head_bytes_ = 0;
}

void WebSocketEcho::refuse(uint16_t status, ByteQueue& out) {
  const std::array<char, 4> frame = {static_cast<char>(0x88), 2, static_cast<char>(status >> 8),
                                     static_cast<char>(status & 0xff)};
  out.append({frame.data(), frame.size()});
  over_ = true;
}

}  // namespace pingap::demo

// Sends back the messages of a WebSocket client (RFC 6455): text and binary ones as they are,
// pings as pongs, a close as a close. Bytes may be cut anywhere. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/byte_queue.h"

namespace pingap::demo {

class WebSocketEcho {
 public:
  // Adds to `out` what is to be sent for `bytes`. False: that ends the connection, what follows
  // from the client is of no interest.
  bool take(std::string_view bytes, ByteQueue& out);

 private:
  enum class Opcode : uint8_t { continuation, text, binary, close = 8, ping, pong };

  size_t take_head(std::string_view bytes, ByteQueue& out);
  size_t take_payload(std::string_view bytes, ByteQueue& out);
  bool check_head() noexcept;
  void start_payload(ByteQueue& out);
  void end_frame() noexcept;
  void refuse(uint16_t status, ByteQueue& out);

  Opcode opcode() const noexcept { return static_cast<Opcode>(head_[0] & 0x0f); }

  size_t head_size() const noexcept;  // as far as head_ tells

  std::array<uint8_t, 14> head_{};  // of the current frame
  size_t head_bytes_ = 0;
  uint64_t payload_ = 0;  // bytes of the frame
  uint64_t taken_ = 0;    // of them
  bool in_payload_ = false;
  bool in_message_ = false;  // a message of several frames has begun
  bool over_ = false;
};

}  // namespace pingap::demo

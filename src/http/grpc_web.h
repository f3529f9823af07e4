// What gRPC-web has instead of HTTP/2's frames and trailers (gRPC's PROTOCOL-WEB.md). Pure; any
// thread. What its content types look like: http/grpc.h; its text form is base64 (http/base64.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/byte_queue.h"
#include "http/header_map.h"

namespace pingap::http {

// Follows the messages of a body: a flag and a length in front of each.
class GrpcMessages {
 public:
  void skip(std::string_view bytes) noexcept;

  // No message has begun that is not whole.
  bool between() const noexcept { return left_ == 0 && prefix_ == 0; }

 private:
  uint32_t left_ = 0;    // bytes of the message
  uint32_t length_ = 0;  // as far as its prefix is known
  uint8_t prefix_ = 0;   // bytes of it
};

// Appends trailers as the last frame of a body: "name: value" lines, names in lower case.
void append_grpc_web_trailers(const HeaderMap& trailers, ByteQueue& out) noexcept;

}  // namespace pingap::http

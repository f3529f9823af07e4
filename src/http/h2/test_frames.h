// Frames and blocks for tests, made apart from the product. Tests only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/h2/frame.h"

namespace pingap::http::h2 {

inline constexpr std::string_view kTestPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

inline std::string number(uint64_t value, size_t bytes) {
  std::string out(bytes, '\0');
  for (size_t i = bytes; i > 0; value >>= 8) {
    out[--i] = static_cast<char>(value & 0xff);
  }
  return out;
}

inline std::string frame(FrameType type, int flags, uint32_t stream, std::string_view payload) {
  return (number(payload.size(), 3) + number(static_cast<uint64_t>(type), 1) +
          number(static_cast<uint64_t>(flags), 1) + number(stream, 4))
      .append(payload);
}

// A literal without indexing, of a name and a value shorter than 127 bytes.
inline std::string literal(std::string_view name, std::string_view value) {
  std::string out(1, '\0');
  (out += number(name.size(), 1)).append(name);
  return (out += number(value.size(), 1)).append(value);
}

inline std::string setting(uint64_t id, uint64_t value) {
  return number(id, 2) + number(value, 4);
}

}  // namespace pingap::http::h2

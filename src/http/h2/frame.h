// The layout of frames (RFC 9113 4.1, 6) and the numbers in them. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace pingap::http::h2 {

// RFC 9113 6, RFC 9218 7.1. Other numbers are frames that nobody knows (RFC 9113 5.5).
enum class FrameType : uint8_t {
  data,
  headers,
  priority,
  rst_stream,
  settings,
  push_promise,
  ping,
  goaway,
  window_update,
  continuation,
  priority_update = 0x10,
};

// Of frames of different types: END_STREAM and ACK are one bit.
inline constexpr uint8_t kEndStream = 0x1;
inline constexpr uint8_t kAck = 0x1;
inline constexpr uint8_t kEndHeaders = 0x4;
inline constexpr uint8_t kPadded = 0x8;
inline constexpr uint8_t kPriority = 0x20;

// Why a stream or a connection ends (RFC 9113 7).
enum class Code : uint32_t {
  no_error,
  protocol_error,
  internal_error,
  flow_control_error,
  settings_timeout,
  stream_closed,
  frame_size_error,
  refused_stream,
  cancel,
  compression_error,
  connect_error,
  enhance_your_calm,
  inadequate_security,
  http_1_1_required,
};

inline constexpr size_t kFrameHeader = 9;
// What a client begins with (RFC 9113 3.4).
inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
// What a field counts in a list beside its bytes (RFC 9113 6.5.2).
inline constexpr size_t kFieldOverhead = 32;
// Of the payload: what both ends may send unless the other one allows more, which we do not, and do
// not use (RFC 9113 4.2).
inline constexpr size_t kMaxFrame = 16'384;
inline constexpr uint32_t kMaxWindow = 0x7fff'ffff;
inline constexpr uint32_t kDefaultWindow = 65'535;
inline constexpr int32_t kMaxStream = 0x7fff'ffff;

struct FrameHeader {
  uint32_t length = 0;  // of the payload
  FrameType type = FrameType::data;
  uint8_t flags = 0;
  int32_t stream = 0;

  bool has(uint8_t flag) const noexcept { return (flags & flag) != 0; }
};

// Of the first four bytes, which are there.
inline uint32_t read_uint32(std::string_view from) noexcept {
  uint32_t value = 0;
  std::memcpy(&value, from.data(), sizeof(value));
  return __builtin_bswap32(value);
}

inline char* write_uint32(char* to, uint32_t value) noexcept {
  value = __builtin_bswap32(value);
  std::memcpy(to, &value, sizeof(value));
  return to + sizeof(value);
}

// Of the first kFrameHeader bytes. The reserved bit is not looked at (RFC 9113 4.1).
inline FrameHeader read_frame_header(std::string_view from) noexcept {
  const uint32_t first = read_uint32(from);
  return {first >> 8, static_cast<FrameType>(first & 0xff), static_cast<uint8_t>(from[4]),
          static_cast<int32_t>(read_uint32(from.substr(5)) & 0x7fff'ffffU)};
}

// Its end.
inline char* write_frame_header(char* to, const FrameHeader& header) noexcept {
  to = write_uint32(to, header.length << 8 | static_cast<uint32_t>(header.type));
  *to++ = static_cast<char>(header.flags);
  return write_uint32(to, static_cast<uint32_t>(header.stream));
}

}  // namespace pingap::http::h2

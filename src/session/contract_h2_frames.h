// Frames of HTTP/2 for the tests of sessions, made and read apart from the product, from RFC 9113
// 4.1 and RFC 7541 6.2.2; HPACK of what the product says is read by nghttp2. Types
// and flags are NGHTTP2_*. Tests only.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

namespace pingap::session::contract {

inline std::string h2_number(uint64_t value, size_t bytes) {
  std::string out(bytes, '\0');
  for (size_t i = bytes; i > 0; value >>= 8) {
    out[--i] = static_cast<char>(value & 0xff);
  }
  return out;
}

// The first `bytes` of `text`.
inline uint32_t h2_read(std::string_view text, size_t bytes = 4) {
  uint32_t value = 0;
  for (const char byte : text.substr(0, bytes)) {
    value = value << 8 | static_cast<uint8_t>(byte);
  }
  return value;
}

inline std::string h2_frame(uint8_t type, uint8_t flags, uint32_t stream,
                            std::string_view payload) {
  std::string out = h2_number(payload.size(), 3);
  out += h2_number(type, 1) + h2_number(flags, 1) + h2_number(stream, 4);
  return out.append(payload);
}

// A literal without indexing, name and value shorter than 127 bytes.
inline std::string h2_field(std::string_view name, std::string_view value) {
  std::string out(1, '\0');
  (out += h2_number(name.size(), 1)).append(name);
  return (out += h2_number(value.size(), 1)).append(value);
}

struct H2Frame {
  uint8_t type = 0;
  uint8_t flags = 0;
  uint32_t stream = 0;
  std::string_view payload;
  bool whole = false;  // else this is the beginning of the payload

  bool end() const { return whole && (flags & NGHTTP2_FLAG_END_STREAM) != 0; }
};

// Cuts what was written into frames; only the last may be missing its end.
inline std::vector<H2Frame> h2_frames(std::string_view bytes) {
  constexpr size_t kHeader = 9;
  std::vector<H2Frame> frames;
  while (bytes.size() >= kHeader) {
    const size_t size = h2_read(bytes, 3);
    frames.push_back({static_cast<uint8_t>(bytes[3]), static_cast<uint8_t>(bytes[4]),
                      h2_read(bytes.substr(5)), bytes.substr(kHeader, size),
                      bytes.size() >= kHeader + size});
    bytes.remove_prefix(std::min(bytes.size(), kHeader + size));
  }
  return frames;
}

// Header blocks of one connection.
class H2Inflater {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;

  H2Inflater() { nghttp2_hd_inflate_new(&inflater_); }

  H2Inflater(const H2Inflater&) = delete;
  H2Inflater& operator=(const H2Inflater&) = delete;

  ~H2Inflater() { nghttp2_hd_inflate_del(inflater_); }

  Fields read(std::string_view block) {
    Fields fields;
    for (;;) {
      nghttp2_nv nv;
      int flags = 0;
      const ssize_t taken = nghttp2_hd_inflate_hd2(
          inflater_, &nv, &flags, reinterpret_cast<const uint8_t*>(block.data()), block.size(), 1);
      EXPECT_GE(taken, 0);
      if (taken < 0) {
        return fields;
      }
      block.remove_prefix(static_cast<size_t>(taken));
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
        fields.emplace_back(std::string(reinterpret_cast<const char*>(nv.name), nv.namelen),
                            std::string(reinterpret_cast<const char*>(nv.value), nv.valuelen));
      }
      if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) {
        nghttp2_hd_inflate_end_headers(inflater_);
        return fields;
      }
    }
  }

 private:
  nghttp2_hd_inflater* inflater_ = nullptr;
};

}  // namespace pingap::session::contract

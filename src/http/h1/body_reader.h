// Takes the framing off a body: length, chunked (strict, RFC 9112 7.1), until close, tunnel.
// Pure: no socket, no clock. Bytes are not copied; the reader says which of them are body.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/error.h"
#include "http/head.h"

namespace pingap::http::h1 {

class BodyReader {
 public:
  // What the front of the bytes is.
  enum class Kind : uint8_t {
    need_more,  // `size` framing bytes were consumed, the rest waits
    data,       // skip `skip` framing bytes, then `size` body bytes follow
    end,        // the message is over after `skip` bytes; trailers() holds the trailer section
    failed,     // `error`
  };

  struct Step {
    Kind kind;
    ErrorCode error;
    size_t skip;
    size_t size;
  };

  void start(Framing framing, uint64_t content_length) noexcept;

  // Looks at the front of `bytes` and returns the next step; the caller drops skip + size bytes
  // and calls again. Call with empty `bytes` at once after start(): it may already be the end.
  // Chunk framing may be cut anywhere: what need_more consumed is remembered here.
  Step next(std::string_view bytes) noexcept;

  // The peer closed its side: true when that ends the message well (until_close, tunnel).
  bool close_ends() const noexcept;

  // Body bytes still to come where known (length framing), else UINT64_MAX.
  uint64_t remaining() const noexcept;
  // `bytes` of a length, until_close or tunnel body went past us inside the kernel.
  void advance(uint64_t bytes) noexcept;

  Framing framing() const noexcept { return framing_; }

  // The raw trailer section ("Name: value\r\n"...), valid until the next start(); for
  // parse_trailers. Empty when there was none.
  std::string_view trailers() const noexcept;

 private:
  // (helper: fill in)
  Framing framing_ = Framing::none;
  uint64_t remaining_ = 0;
};

// Parses a trailer section; false when a line breaks the grammar of fields.
bool parse_trailers(std::string_view section, HeaderMap& trailers) noexcept;

}  // namespace pingap::http::h1

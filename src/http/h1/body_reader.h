// Takes the framing off a body: length, chunked (strict, RFC 9112 7.1), until close, tunnel.
// Pure: no socket, no clock. Bytes are not copied; the reader says which of them are body.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/chunk.h"
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

  // Where in a chunked body the next byte belongs; the size_blank to ext_value_blank ones are the
  // chunk extensions.
  enum class State : uint8_t {
    size,
    size_blank,
    ext_start,
    ext_name,
    ext_name_blank,
    ext_value_start,
    ext_value,
    ext_quoted,
    ext_escape,
    ext_quoted_end,
    ext_value_blank,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_start,
    trailer,
    last_lf,
    done,
    failed,
  };

  void start(Framing framing, uint64_t content_length) noexcept;

  // Looks at the front of `bytes` and returns the next step; the caller drops skip + size bytes
  // and calls again. Call with empty `bytes` at once after start(): it may already be the end.
  // Chunk framing may be cut anywhere: what need_more consumed is remembered here.
  // A failed reader stays failed: with bad_chunk or bad_trailer, whoever sent the body.
  Step next(std::string_view bytes) noexcept;

  // The peer closed its side: true when that ends the message well (until_close, tunnel).
  bool close_ends() const noexcept;

  // Body bytes still to come where known (length framing), else UINT64_MAX.
  uint64_t remaining() const noexcept;
  // Bytes that are body whatever they are: the next ones up to where framing is to be looked at.
  uint64_t raw() const noexcept;
  // `bytes` of the raw() ones were taken without next().
  void advance(uint64_t bytes) noexcept;

  Framing framing() const noexcept { return framing_; }

  // The raw trailer section ("Name: value\r\n"...), valid until the next start(); for
  // parse_trailers, which cannot fail on it for its grammar. Empty when there was none.
  std::string_view trailers() const noexcept;

 private:
  Step next_chunked(std::string_view bytes) noexcept;
  Step take_data(size_t available, size_t skip) noexcept;
  size_t take_framing(char byte) noexcept;
  void take_size(char byte) noexcept;
  void take_extension(char byte) noexcept;
  size_t take_trailer(std::string_view bytes) noexcept;
  void end_trailer_line() noexcept;
  void expect(char byte, char wanted, State next) noexcept;
  void fail(ErrorCode why) noexcept;

  Framing framing_ = Framing::none;
  State state_ = State::size;
  ErrorCode error_ = ErrorCode::none;
  uint8_t digits_ = 0;           // of this chunk's size
  uint32_t extension_size_ = 0;  // of all chunks so far
  uint64_t remaining_ = 0;       // of the body, or of this chunk
  size_t trailer_size_ = 0;      // bytes in trailers_
  size_t trailer_line_ = 0;      // where its unfinished line starts
  ChunkRef trailers_;            // only where there is a trailer section
};

// Parses a trailer section; false when a line breaks the grammar of fields or the map is full.
bool parse_trailers(std::string_view section, HeaderMap& trailers) noexcept;

}  // namespace pingap::http::h1

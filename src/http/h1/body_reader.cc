#include "http/h1/body_reader.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "http/h1/field_line.h"
#include "http/limits.h"

namespace pingap::http::h1 {
namespace {

// A chunk size fits 63 bits, so that sums of it with buffer sizes cannot wrap.
constexpr uint64_t kMaxChunk = INT64_MAX;

constexpr auto kHexDigits = [] {
  std::array<int8_t, 256> table{};
  table.fill(-1);
  for (int8_t i = 0; i < 10; ++i) {
    table[static_cast<size_t>('0' + i)] = i;
  }
  for (int8_t i = 0; i < 6; ++i) {
    table[static_cast<size_t>('a' + i)] = static_cast<int8_t>(10 + i);
    table[static_cast<size_t>('A' + i)] = static_cast<int8_t>(10 + i);
  }
  return table;
}();

}  // namespace

// The line of a chunk size (RFC 9112 7.1, 7.1.1), byte by byte:
//
//   size --BWS--> size_blank --;--> ext_start --> ext_name --=--> value_start --> value | quoted
//     \______________;______________^   ^____________;_______________________________/
//
// CR leads to size_lf from where the grammar lets the line end: there is no blank before it.
namespace {

using State = BodyReader::State;

enum class Byte : uint8_t { control, cr, blank, semicolon, equals, quote, backslash, token, text };
constexpr size_t kByteKinds = 9;

constexpr auto kBytes = [] {
  std::array<Byte, 256> table{};
  for (unsigned c = 0; c < 256; ++c) {
    if (is_token_byte(static_cast<char>(c))) {
      table[c] = Byte::token;
    } else {
      table[c] = c < 0x20 || c == 0x7f ? Byte::control : Byte::text;
    }
  }
  table['\r'] = Byte::cr;
  table[' '] = Byte::blank;
  table['\t'] = Byte::blank;
  table[';'] = Byte::semicolon;
  table['='] = Byte::equals;
  table['"'] = Byte::quote;
  table['\\'] = Byte::backslash;
  return table;
}();

constexpr State kBad = State::failed;
constexpr State kEnd = State::size_lf;
constexpr State kNext = State::ext_start;
constexpr State kText = State::ext_quoted;

// Rows: from size_blank to ext_value_blank, in the order of State. Columns: Byte.
constexpr std::array<std::array<State, kByteKinds>, 10> kExtension = {{
    // control, cr, blank, semicolon, equals, quote, backslash, token, text
    {kBad, kBad, State::size_blank, kNext, kBad, kBad, kBad, kBad, kBad},
    {kBad, kBad, kNext, kBad, kBad, kBad, kBad, State::ext_name, kBad},
    {kBad, kEnd, State::ext_name_blank, kNext, State::ext_value_start, kBad, kBad, State::ext_name,
     kBad},
    {kBad, kBad, State::ext_name_blank, kNext, State::ext_value_start, kBad, kBad, kBad, kBad},
    {kBad, kBad, State::ext_value_start, kBad, kBad, kText, kBad, State::ext_value, kBad},
    {kBad, kEnd, State::ext_value_blank, kNext, kBad, kBad, kBad, State::ext_value, kBad},
    {kBad, kBad, kText, kText, kText, State::ext_quoted_end, State::ext_escape, kText, kText},
    {kBad, kBad, kText, kText, kText, kText, kText, kText, kText},
    {kBad, kEnd, State::ext_value_blank, kNext, kBad, kBad, kBad, kBad, kBad},
    {kBad, kBad, State::ext_value_blank, kNext, kBad, kBad, kBad, kBad, kBad},
}};

constexpr size_t row_of(State state) noexcept {
  return static_cast<size_t>(state) - static_cast<size_t>(State::size_blank);
}

static_assert(row_of(State::ext_value_blank) == kExtension.size() - 1);

}  // namespace

void BodyReader::start(Framing framing, uint64_t content_length) noexcept {
  framing_ = framing;
  remaining_ = framing == Framing::length ? content_length : 0;
  state_ = State::size;
  error_ = ErrorCode::none;
  digits_ = 0;
  extension_size_ = 0;
  trailer_size_ = 0;
  trailer_line_ = 0;
  trailers_.reset();
}

BodyReader::Step BodyReader::next(std::string_view bytes) noexcept {
  switch (framing_) {
    case Framing::none:
      return {Kind::end, ErrorCode::none, 0, 0};
    case Framing::length:
      if (remaining_ == 0) {
        return {Kind::end, ErrorCode::none, 0, 0};
      }
      return take_data(bytes.size(), 0);
    case Framing::until_close:
    case Framing::tunnel:
      return {bytes.empty() ? Kind::need_more : Kind::data, ErrorCode::none, 0, bytes.size()};
    case Framing::chunked:
      break;
  }
  return next_chunked(bytes);
}

// Hands out what is there of `remaining_`, behind `skip` framing bytes.
BodyReader::Step BodyReader::take_data(size_t available, size_t skip) noexcept {
  const size_t size = std::min<uint64_t>(remaining_, available - skip);
  if (size == 0) {
    return {Kind::need_more, ErrorCode::none, 0, skip};
  }
  remaining_ -= size;
  return {Kind::data, ErrorCode::none, skip, size};
}

BodyReader::Step BodyReader::next_chunked(std::string_view bytes) noexcept {
  size_t at = 0;
  while (state_ != State::done && state_ != State::failed) {
    if (at == bytes.size()) {
      return {Kind::need_more, ErrorCode::none, 0, at};
    }
    if (state_ == State::data) {
      const Step step = take_data(bytes.size(), at);
      if (remaining_ == 0) {
        state_ = State::data_cr;
      }
      return step;
    }
    at += state_ == State::trailer ? take_trailer(bytes.substr(at)) : take_framing(bytes[at]);
  }
  if (state_ == State::failed) {
    return {Kind::failed, error_, 0, 0};
  }
  return {Kind::end, ErrorCode::none, at, 0};
}

void BodyReader::fail(ErrorCode why) noexcept {
  state_ = State::failed;
  error_ = why;
}

// Takes one byte of framing, or leaves it for take_trailer(). Returns the bytes taken.
size_t BodyReader::take_framing(char byte) noexcept {
  switch (state_) {
    case State::size:
      take_size(byte);
      return 1;
    case State::size_lf:
      expect(byte, '\n', remaining_ == 0 ? State::trailer_start : State::data);
      return 1;
    case State::data_cr:
      expect(byte, '\r', State::data_lf);
      return 1;
    case State::data_lf:
      expect(byte, '\n', State::size);
      digits_ = 0;
      return 1;
    case State::trailer_start:
      // Most bodies have no trailers and need no memory for them.
      state_ = byte == '\r' ? State::last_lf : State::trailer;
      return byte == '\r' ? 1 : 0;
    case State::last_lf:
      expect(byte, '\n', State::done);
      return 1;
    default:
      take_extension(byte);
      return 1;
  }
}

void BodyReader::expect(char byte, char wanted, State next) noexcept {
  if (byte == wanted) {
    state_ = next;
  } else {
    fail(ErrorCode::bad_chunk);
  }
}

void BodyReader::take_size(char byte) noexcept {
  const int8_t digit = kHexDigits[static_cast<unsigned char>(byte)];
  if (digit >= 0) {
    if (digits_ == limits::kChunkDigits || remaining_ > kMaxChunk >> 4) {
      fail(ErrorCode::bad_chunk);
      return;
    }
    remaining_ = remaining_ << 4 | static_cast<uint64_t>(digit);
    ++digits_;
    return;
  }
  if (digits_ == 0) {
    fail(ErrorCode::bad_chunk);
  } else if (byte == '\r') {
    state_ = State::size_lf;
  } else if (byte == ';') {
    state_ = State::ext_start;
    ++extension_size_;
  } else {
    state_ = State::size_blank;
    take_extension(byte);
  }
}

void BodyReader::take_extension(char byte) noexcept {
  const auto kind = static_cast<size_t>(kBytes[static_cast<unsigned char>(byte)]);
  state_ = kExtension[row_of(state_)][kind];
  if (state_ == State::failed || ++extension_size_ > limits::kChunkExtension) {
    fail(ErrorCode::bad_chunk);
  }
}

// Keeps and checks trailer lines; the empty line ends the message. Returns the bytes taken.
size_t BodyReader::take_trailer(std::string_view bytes) noexcept {
  const size_t lf = bytes.find('\n');
  const size_t size = lf == std::string_view::npos ? bytes.size() : lf + 1;
  if (size > limits::kTrailer + 2 - trailer_size_) {
    fail(ErrorCode::bad_trailer);
    return 0;
  }
  if (!trailers_) {
    trailers_ = make_chunk();
    static_assert(kChunkSize >= limits::kTrailer + 2);
  }
  std::memcpy(trailers_.data() + trailer_size_, bytes.data(), size);
  trailer_size_ += size;
  if (lf != std::string_view::npos) {
    end_trailer_line();
  }
  return size;
}

void BodyReader::end_trailer_line() noexcept {
  const char* line = trailers_.data() + trailer_line_;
  const char* end = trailers_.data() + trailer_size_;
  if (std::string_view(line, end) == "\r\n") {
    trailer_size_ = trailer_line_;
    state_ = State::done;
    return;
  }
  Field field;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by take_field_line
  if (trailer_size_ > limits::kTrailer || take_field_line(line, {line, end}, field).next != end) {
    fail(ErrorCode::bad_trailer);
  }
  trailer_line_ = trailer_size_;
}

bool BodyReader::close_ends() const noexcept {
  return framing_ == Framing::until_close || framing_ == Framing::tunnel;
}

uint64_t BodyReader::remaining() const noexcept {
  return framing_ == Framing::length ? remaining_ : UINT64_MAX;
}

uint64_t BodyReader::raw() const noexcept {
  switch (framing_) {
    case Framing::length:
      return remaining_;
    case Framing::chunked:
      return state_ == State::data ? remaining_ : 0;
    case Framing::until_close:
    case Framing::tunnel:
      return UINT64_MAX;
    case Framing::none:
      break;
  }
  return 0;
}

void BodyReader::advance(uint64_t bytes) noexcept {
  if (close_ends()) {
    return;
  }
  remaining_ -= bytes;
  if (framing_ == Framing::chunked && remaining_ == 0) {
    state_ = State::data_cr;
  }
}

std::string_view BodyReader::trailers() const noexcept {
  return trailers_ ? std::string_view{trailers_.data(), trailer_size_} : std::string_view{};
}

bool parse_trailers(std::string_view section, HeaderMap& trailers) noexcept {
  const Window window{section.data(), section.data() + section.size()};
  const char* at = window.begin;
  Field field;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by take_field_line
  while (at != window.end) {
    at = take_field_line(at, window, field).next;
    if (at == nullptr || !trailers.add(field)) {
      return false;
    }
  }
  return true;
}

}  // namespace pingap::http::h1

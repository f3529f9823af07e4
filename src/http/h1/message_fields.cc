#include "http/h1/message_fields.h"

#include <cstring>
#include <type_traits>

#include "base/strings.h"
#include "http/h1/scan.h"
#include "http/limits.h"

namespace pingap::http::h1 {
namespace {

// As iequals() for a `wanted` of lower-case letters, digits and '-', and a text without control
// bytes, as values are.
template <size_t N>
bool is_word(std::string_view text, const char (&wanted)[N]) noexcept {
  if (text.size() != N - 1) {
    return false;
  }
  using Word = std::conditional_t<(N > 8), uint64_t, uint32_t>;
  static_assert(N > sizeof(Word) && N - 1 <= 2 * sizeof(Word), "two words that may overlap");
  constexpr size_t kRest = N - 1 - sizeof(Word);
  constexpr auto kLower = static_cast<Word>(0x2020202020202020);
  const auto load = [](const char* from) {
    Word word = 0;
    std::memcpy(&word, from, sizeof(word));
    return word;
  };
  const char* from = text.data();
  return (((load(from) | kLower) ^ load(wanted)) |
          ((load(from + kRest) | kLower) ^ load(wanted + kRest))) == 0;
}

// A coding that is not `chunked` alone. What is well-formed and ends in chunked could be decoded
// by somebody (501, RFC 9112 6.1); anything else leaves the length of the body unknown (400, 6.3).
ErrorCode refused_coding(std::string_view value) noexcept {
  bool chunked = false;
  std::string_view coding;
  while (next_list_item(value, coding)) {
    if (chunked || !is_token(coding)) {
      return ErrorCode::bad_transfer_encoding;
    }
    chunked = iequals(coding, "chunked");
  }
  return chunked ? ErrorCode::unsupported_transfer_encoding : ErrorCode::bad_transfer_encoding;
}

}  // namespace

ErrorCode MessageFields::note_meaning(const Field& field) noexcept {
  switch (field.id) {
    case HeaderId::connection:
      return note_connection(field.value());
    case HeaderId::content_length:
      return note_length(field.value());
    case HeaderId::expect:
      return note_expect(field.value());
    case HeaderId::host:
      return note_host(field.value());
    case HeaderId::keep_alive:
      hint_ = true;
      return ErrorCode::none;
    case HeaderId::transfer_encoding:
      return note_coding(field.value());
    case HeaderId::upgrade:
      return note_upgrade(field.value());
    default:
      return ErrorCode::none;
  }
}

ErrorCode MessageFields::note_length(std::string_view value) noexcept {
  const auto length = parse_decimal(value);
  if (has_length_ || !length) {
    return ErrorCode::bad_content_length;
  }
  if (chunked_) {
    return ErrorCode::conflicting_framing;
  }
  has_length_ = true;
  length_ = *length;
  return ErrorCode::none;
}

ErrorCode MessageFields::note_coding(std::string_view value) noexcept {
  // HTTP/1.0 has no transfer codings: such a message is faulty, whatever else it says
  // (RFC 9112 6.1).
  if (chunked_ || version_ != Version::http11) {
    return ErrorCode::bad_transfer_encoding;
  }
  if (!is_word(value, "chunked")) {
    return refused_coding(value);
  }
  if (has_length_) {
    return ErrorCode::conflicting_framing;
  }
  chunked_ = true;
  return ErrorCode::none;
}

// What nearly all messages say, if anything, is one word.
ErrorCode MessageFields::note_connection(std::string_view value) noexcept {
  if (is_word(value, "keep-alive") && options_ == 0) {
    options_ = 1;
    keep_alive_ = true;
    return ErrorCode::none;
  }
  return note_options(value);
}

ErrorCode MessageFields::note_options(std::string_view value) noexcept {
  std::string_view option;
  while (next_list_item(value, option)) {
    if (++options_ > limits::kConnectionTokens) {
      return ErrorCode::bad_connection_header;
    }
    const ErrorCode refused = note_option(option);
    if (refused != ErrorCode::none) {
      return refused;
    }
  }
  return ErrorCode::none;
}

ErrorCode MessageFields::note_option(std::string_view option) noexcept {
  if (iequals(option, "close")) {
    close_ = true;
    return ErrorCode::none;
  }
  switch (find_header_id(option)) {
    case HeaderId::keep_alive:
      keep_alive_ = true;
      return ErrorCode::none;
    case HeaderId::upgrade:
      upgrade_option_ = true;
      return ErrorCode::none;
    case HeaderId::host:
    case HeaderId::content_length:
    case HeaderId::transfer_encoding:
      // Somebody asks to have the framing deleted on the way (RFC 9110 7.6.1).
      return ErrorCode::bad_connection_header;
    default:
      names_fields_ = true;
      return ErrorCode::none;
  }
}

ErrorCode MessageFields::note_expect(std::string_view value) noexcept {
  if (!request_) {
    return ErrorCode::none;
  }
  if (expect_ || !iequals(value, "100-continue")) {
    return ErrorCode::bad_expectation;
  }
  expect_ = true;
  return ErrorCode::none;
}

ErrorCode MessageFields::note_host(std::string_view value) noexcept {
  if (!request_) {
    return ErrorCode::none;
  }
  if (has_host_ || !split_authority(value, host_)) {
    return ErrorCode::bad_host;
  }
  has_host_ = true;
  host_text_ = value;
  return ErrorCode::none;
}

ErrorCode MessageFields::note_upgrade(std::string_view value) noexcept {
  std::string_view protocol;
  while (next_list_item(value, protocol)) {
    ++protocols_;
    websocket_ = iequals(protocol, "websocket");
  }
  return ErrorCode::none;
}

}  // namespace pingap::http::h1

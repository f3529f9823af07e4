#include "http/h1/message_fields.h"

#include "base/strings.h"
#include "http/h1/scan.h"
#include "http/limits.h"

namespace pingap::http::h1 {
namespace {

// A coding that is not `chunked` alone. What is well-formed and ends in chunked could be decoded
// by somebody (501, RFC 9112 6.1); anything else leaves the length of the body unknown (400, 6.3).
ErrorCode refused_coding(std::string_view value) noexcept {
  bool chunked = false;
  std::string_view coding;
  while (next_list_item(value, coding)) {
    if (chunked || coding.empty() ||
        skip_token(coding.data(), coding.data() + coding.size()) != coding.data() + coding.size()) {
      return ErrorCode::bad_transfer_encoding;
    }
    chunked = iequals(coding, "chunked");
  }
  return chunked ? ErrorCode::unsupported_transfer_encoding : ErrorCode::bad_transfer_encoding;
}

}  // namespace

ErrorCode MessageFields::note_interesting(const Field& field) noexcept {
  switch (field.id) {
    case HeaderId::connection:
      return note_connection(field.value());
    case HeaderId::content_length:
      return note_length(field.value());
    case HeaderId::transfer_encoding:
      return note_coding(field.value());
    case HeaderId::upgrade:
      note_upgrade(field.value());
      return ErrorCode::none;
    case HeaderId::host:
      return request_ ? note_host(field.value()) : ErrorCode::none;
    case HeaderId::expect:
      return request_ ? note_expect(field.value()) : ErrorCode::none;
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
  if (!iequals(value, "chunked")) {
    return refused_coding(value);
  }
  if (has_length_) {
    return ErrorCode::conflicting_framing;
  }
  chunked_ = true;
  return ErrorCode::none;
}

ErrorCode MessageFields::note_connection(std::string_view value) noexcept {
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
      return ErrorCode::none;
  }
}

ErrorCode MessageFields::note_expect(std::string_view value) noexcept {
  if (expect_ || !iequals(value, "100-continue")) {
    return ErrorCode::bad_expectation;
  }
  // HTTP/1.0 clients do not know 100 (RFC 9110 10.1.1).
  expect_ = version_ == Version::http11;
  return ErrorCode::none;
}

ErrorCode MessageFields::note_host(std::string_view value) noexcept {
  if (has_host_ || !split_authority(value, host_)) {
    return ErrorCode::bad_host;
  }
  has_host_ = true;
  host_text_ = value;
  return ErrorCode::none;
}

void MessageFields::note_upgrade(std::string_view value) noexcept {
  std::string_view protocol;
  while (next_list_item(value, protocol)) {
    ++protocols_;
    websocket_ = iequals(protocol, "websocket");
  }
}

}  // namespace pingap::http::h1

#include "http/h2/head_rules.h"

#include <algorithm>
#include <string_view>

#include "base/strings.h"
#include "http/h1/scan.h"

namespace pingap::http::h2 {
namespace {

using hpack::Pseudo;

// RFC 3986 3.1.
bool is_scheme(std::string_view text) noexcept {
  const auto good = [](char c) {
    const char lower = to_lower(c);
    return (lower >= 'a' && lower <= 'z') || is_digit(c) || c == '+' || c == '-' || c == '.';
  };
  return std::ranges::all_of(text, good) && !is_digit(text.front());
}

// What may be between the blanks of a request line.
bool is_target(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<uint8_t>(c);
    return byte > 0x20 && byte != 0x7f;
  });
}

}  // namespace

// As they are written by nearly all first.
bool is_http(std::string_view scheme) noexcept {
  return scheme == "http" || scheme == "https" || iequals(scheme, "http") ||
         iequals(scheme, "https");
}

bool HeadRules::add(const hpack::DecodedField& field) noexcept {
  if (!field.name.well_formed || !field.well_formed) {
    return false;
  }
  if (field.name.pseudo != Pseudo::none) {
    return add_pseudo(field.name.pseudo, field.value);
  }
  has_fields_ = true;
  switch (field.name.id) {
    case HeaderId::connection:  // RFC 9113 8.2.2
    case HeaderId::keep_alive:
    case HeaderId::proxy_connection:
    case HeaderId::transfer_encoding:
    case HeaderId::upgrade:
      return false;
    case HeaderId::te:
      return iequals(field.value, "trailers");
    case HeaderId::host:
      // As a trailer it would say where a request goes that has gone (RFC 9110 6.5.1).
      return kind_ != Kind::trailers && !field.value.empty() && !std::exchange(has_host_, true);
    case HeaderId::content_length:
      return add_length(field.value);
    default:
      return true;
  }
}

bool HeadRules::add_pseudo(Pseudo pseudo, std::string_view value) noexcept {
  // In front of all others, each once, and none in trailers (RFC 9113 8.1, 8.3).
  if (kind_ == Kind::trailers || has_fields_ || has(pseudo) || value.empty()) {
    return false;
  }
  if ((pseudo == Pseudo::status) != (kind_ == Kind::response)) {
    return false;
  }
  pseudos_ = static_cast<uint8_t>(pseudos_ | 1U << static_cast<unsigned>(pseudo));
  switch (pseudo) {
    case Pseudo::method:
      return add_method(value);
    case Pseudo::path:
      return add_path(value);
    case Pseudo::scheme:
      return add_scheme(value);
    case Pseudo::status:
      return add_status(value);
    case Pseudo::protocol:
      return extended_connect_;
    case Pseudo::authority:
    case Pseudo::none:
    case Pseudo::unknown:
      break;
  }
  return true;
}

bool HeadRules::add_method(std::string_view value) noexcept {
  connect_ = value == "CONNECT";
  options_ = value == "OPTIONS";
  return h1::is_token(value);
}

bool HeadRules::add_path(std::string_view value) noexcept {
  plain_path_ = value.starts_with('/');
  asterisk_ = value == "*";
  return is_target(value);
}

bool HeadRules::add_scheme(std::string_view value) noexcept {
  http_ = is_http(value);
  return http_ || is_scheme(value);
}

bool HeadRules::add_status(std::string_view value) noexcept {
  const auto status = parse_decimal(value);
  if (!status || value.size() != 3 || *status < 100) {
    return false;
  }
  status_ = static_cast<uint16_t>(*status);
  return status_ != 101;  // RFC 9113 8.6
}

bool HeadRules::add_length(std::string_view value) noexcept {
  const auto length = parse_decimal(value);
  if (!length || length_ != Message::kUnknown) {
    return false;
  }
  length_ = *length;
  return true;
}

bool HeadRules::finish(End end) noexcept {
  message_.has_begun_ = true;
  switch (kind_) {
    case Kind::request:
      return finish_request(end);
    case Kind::response:
      return finish_response(end);
    case Kind::trailers:
      break;
  }
  // They end the message (RFC 9113 8.1), and a length among them says nothing new.
  const bool agrees = length_ == Message::kUnknown || length_ == message_.received_;
  return end == End::yes && agrees && message_.may_end();
}

bool HeadRules::finish_request(End end) noexcept {
  const bool authority = has(Pseudo::authority);
  if (connect_ && !has(Pseudo::protocol)) {  // RFC 9113 8.5
    if (has(Pseudo::scheme) || has(Pseudo::path) || !authority) {
      return false;
    }
    length_ = Message::kUnknown;
  } else {
    if (!has(Pseudo::method) || !has(Pseudo::scheme) || !has(Pseudo::path) ||
        !(authority || has_host_)) {
      return false;
    }
    if (has(Pseudo::protocol) && (!connect_ || !authority)) {
      return false;
    }
    if (http_ && !plain_path_ && !(options_ && asterisk_)) {
      return false;
    }
  }
  message_.has_head_ = true;
  message_.length_ = length_;
  return end == End::no || message_.may_end();
}

bool HeadRules::finish_response(End end) noexcept {
  if (status_ < 200) {
    // None at all, or one that is not the last; a length belongs to no such (RFC 9110 8.6).
    return status_ != 0 && end == End::no && length_ == Message::kUnknown;
  }
  if (status_ == 204 && length_ != Message::kUnknown && length_ != 0) {
    return false;
  }
  const bool connected = message_.request_ == Message::Request::connect && status_ < 300;
  const bool bodiless =
      message_.request_ == Message::Request::head || status_ == 204 || status_ == 304;
  message_.has_head_ = true;
  message_.length_ = connected ? Message::kUnknown : bodiless ? 0 : length_;
  return end == End::no || message_.may_end();
}

}  // namespace pingap::http::h2

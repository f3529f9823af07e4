#include "http/h2/request_builder.h"

#include <algorithm>

#include "base/strings.h"
#include "http/h1/authority.h"
#include "http/h2/head_rules.h"

namespace pingap::http::h2 {

RequestBuilder::RequestBuilder(const h1::HeadLimits& most) noexcept
    : FieldBlock(std::span(storage_).first(std::min(most.fields, limits::kFields)),
                 std::min(most.bytes, limits::kRequestHead)) {
}

void RequestBuilder::on_moved(const char* from, const char* to) noexcept {
  for (std::string_view* view : {&method_, &path_, &authority_, &protocol_}) {
    if (!view->empty()) {
      *view = {to + (view->data() - from), view->size()};
    }
  }
}

void RequestBuilder::add(const hpack::DecodedField& field) noexcept {
  if (!count(field.name.text, field.value)) {
    return;
  }
  switch (field.name.pseudo) {
    case hpack::Pseudo::none:
      add_field(field);
      return;
    case hpack::Pseudo::method:
      method_ = keep(field.value);
      return;
    case hpack::Pseudo::path:
      path_ = keep(field.value);
      return;
    case hpack::Pseudo::authority:
      authority_ = keep(field.value);
      return;
    case hpack::Pseudo::protocol:
      protocol_ = keep(field.value);
      extended_ = true;
      return;
    case hpack::Pseudo::scheme:
      other_scheme_ = !is_http(field.value);
      return;
    case hpack::Pseudo::status:
    case hpack::Pseudo::unknown:
      return;  // the rules let none through (HeadRules)
  }
}

// Crumbs become one field again, which is what HTTP/1.1 and applications know (RFC 9113 8.2.3).
void RequestBuilder::join_cookies() noexcept {
  Field* first = nullptr;
  size_t crumbs = 0;
  size_t size = 0;
  uint8_t flags = 0;
  for (Field& field : fields()) {
    if (field.id == HeaderId::cookie) {
      flags |= field.flags;
      first = first == nullptr ? &field : first;
      ++crumbs;
      size += field.value_size + 2;
    }
  }
  if (crumbs < 2) {
    return;
  }
  make_room(size);
  const size_t start = size_;
  for (Field& field : fields()) {
    if (field.id != HeaderId::cookie) {
      continue;
    }
    if (!field.value().empty()) {
      keep(size_ == start ? std::string_view{} : "; ");
      keep(field.value());
    }
    field.remove();
  }
  first->value_data = bytes_.data() + start;
  first->value_size = static_cast<uint32_t>(size_ - start);
  first->flags = flags;
}

// Host and :authority agree (RFC 9113 8.3.1); one of them is there.
ErrorCode RequestBuilder::settle_authority(RequestHead& head) const noexcept {
  std::string_view host;
  for (const Field& field : fields()) {
    if (field.id != HeaderId::host) {
      continue;
    }
    if (!host.empty()) {
      return ErrorCode::bad_host;
    }
    host = field.value();
  }
  head.authority = authority_.empty() ? host : authority_;
  if (!authority_.empty() && !host.empty() && !iequals(authority_, host)) {
    return ErrorCode::bad_host;
  }
  h1::Authority parts;
  if (!h1::split_authority(head.authority, parts) || parts.host.empty()) {
    return ErrorCode::bad_host;
  }
  head.host = parts.host;
  return ErrorCode::none;
}

ErrorCode RequestBuilder::take_fields(RequestHead& head) noexcept {
  for (const Field& field : fields()) {
    if (field.id == HeaderId::content_length) {
      const auto length = parse_decimal(field.value());
      if (!length) {
        return ErrorCode::bad_content_length;
      }
      head.framing = Framing::length;
      head.content_length = *length;
    } else if (field.id == HeaderId::expect) {
      if (!iequals(field.value(), "100-continue")) {
        return ErrorCode::bad_expectation;
      }
      head.expect_continue = true;
    }
  }
  return ErrorCode::none;
}

// What opens a WebSocket over HTTP/1.1 is a GET: so it is for all behind us (RFC 8441 5).
ErrorCode RequestBuilder::settle_protocol(End end, RequestHead& head) const noexcept {
  if (!iequals(protocol_, "websocket")) {
    return ErrorCode::unsupported_protocol;
  }
  size_t versions = 0;
  for (const Field& field : head.headers.fields()) {
    if (field.id != HeaderId::sec_websocket_version) {
      continue;
    }
    ++versions;
    if (field.value() != "13") {
      return ErrorCode::bad_websocket;
    }
  }
  if (versions != 1 || end == End::yes || head.framing == Framing::length) {
    return ErrorCode::bad_websocket;
  }
  head.method = Method::get;
  head.method_text = "GET";
  head.framing = Framing::none;
  head.websocket = true;
  return ErrorCode::none;
}

// Of other schemes than ours HTTP/2 knows no rules, so that their paths may be anything
// (RFC 9113 8.3.1).
bool RequestBuilder::has_good_target(Method method) const noexcept {
  if (method == Method::connect) {
    return !other_scheme_;  // it has none, or that of RFC 8441 4
  }
  const bool path = path_.starts_with('/') || (path_ == "*" && method == Method::options);
  return path && !other_scheme_;
}

ErrorCode RequestBuilder::finish(End end, RequestHead& head) noexcept {
  head.version = Version::http2;
  head.storage = bytes_;
  head.method_text = method_;
  head.method = parse_method(method_);
  head.target = path_;
  head.asterisk = path_ == "*";
  head.framing = end == End::yes ? Framing::none : Framing::chunked;
  if (too_long_) {
    return ErrorCode::head_too_large;
  }
  if (too_many_) {
    return ErrorCode::too_many_headers;
  }
  if (path_.size() > limits::kTarget) {
    return ErrorCode::target_too_long;
  }
  if (method_.size() > limits::kMethod) {
    return ErrorCode::bad_method;
  }
  if (!has_good_target(head.method)) {
    return ErrorCode::bad_target;
  }
  join_cookies();
  head.storage = bytes_;
  head.method_text = method_;
  head.target = path_;
  if (const ErrorCode why = settle_authority(head); why != ErrorCode::none) {
    return why;
  }
  if (const ErrorCode why = take_fields(head); why != ErrorCode::none) {
    return why;
  }
  if (end == End::yes && head.content_length == 0) {
    // An empty body whose length is said is not the same as none (RFC 9110 8.6).
    head.framing = head.framing == Framing::length ? Framing::length : Framing::none;
  }
  head.headers = HeaderMap(std::span(storage_));
  head.headers.filled(count_);
  return extended_ ? settle_protocol(end, head) : ErrorCode::none;
}

std::string_view RequestBuilder::first_line() noexcept {
  if (method_.empty()) {
    return {};
  }
  constexpr std::string_view kVersion = " HTTP/2.0\r\n";
  make_room(method_.size() + 1 + path_.size() + kVersion.size());
  // One word each, so that nothing of them is taken for the rest of the line.
  const std::string_view method = method_.substr(0, method_.find_first_of(" \r\n"));
  const std::string_view path = path_.substr(0, path_.find_first_of(" \r\n"));
  const size_t start = size_;
  for (const std::string_view part : {method, std::string_view(" "), path, kVersion}) {
    keep(part);
  }
  return {bytes_.data() + start, size_ - start};
}

}  // namespace pingap::http::h2

#include "http/h1/parser.h"

#include <algorithm>

#include "http/h1/field_line.h"
#include "http/h1/message_fields.h"
#include "http/h1/start_line.h"
#include "http/limits.h"

namespace pingap::http::h1 {

const HeadLimits kRequestLimits{limits::kRequestHead, limits::kFields, limits::kTarget};
const HeadLimits kResponseLimits{limits::kResponseHead, limits::kResponseFields, limits::kTarget};

namespace {

// The cursor sees no more than the limit: what does not end within it is too large.
Cursor make_cursor(std::string_view bytes, const HeadLimits& limits) noexcept {
  const char* begin = bytes.data();
  return {begin, {begin, begin + std::min(bytes.size(), limits.bytes)}};
}

[[gnu::noinline]] ParseResult stopped(const Cursor& cursor, std::string_view bytes,
                                      const HeadLimits& limits) noexcept {
  if (cursor.error != ErrorCode::none) {
    return {ParseStatus::failed, cursor.error, 0};
  }
  if (bytes.size() >= limits.bytes) {
    return {ParseStatus::failed, ErrorCode::head_too_large, 0};
  }
  return {ParseStatus::incomplete, ErrorCode::none, 0};
}

// Takes all field lines and the empty line behind them.
bool take_fields(Cursor& cursor, size_t max, HeaderMap& headers, MessageFields& meaning) noexcept {
  const Window window = cursor.window;
  const std::span<Field> room = headers.room();
  Field* field = room.data();
  Field* const last = field + std::min(max, room.size());
  const char* at = cursor.at;
  while (at != window.end && *at != '\r') {
    if (field == last) {
      return cursor.fail(ErrorCode::too_many_headers);
    }
    const char* next = take_plain_line(at, window, *field);
    if (next == nullptr) {
      const Advance line = take_field_line(at, window, *field);
      if (line.next == nullptr) {
        cursor.error = line.error;
        return false;
      }
      next = line.next;
    }
    const ErrorCode error = meaning.note(*field);
    if (error != ErrorCode::none) {
      return cursor.fail(error);
    }
    ++field;
    at = next;
  }
  headers.filled(static_cast<size_t>(field - room.data()));
  cursor.at = at;
  return take_line_end(cursor, ErrorCode::bad_header);
}

[[gnu::noinline]] bool take_empty_lines(Cursor& cursor) noexcept {
  for (size_t taken = 0; cursor.left() > 0 && (*cursor.at == '\r' || *cursor.at == '\n'); ++taken) {
    if (taken == limits::kEmptyLines) {
      return cursor.fail(ErrorCode::bad_request_line);
    }
    if (!take_line_end(cursor, ErrorCode::bad_request_line)) {
      return false;
    }
  }
  return true;
}

// 16 bytes in base64 (RFC 6455 4.1).
bool is_websocket_key(std::string_view key) noexcept {
  if (key.size() != 24 || !key.ends_with("==")) {
    return false;
  }
  for (const char c : key.substr(0, 22)) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && !(c >= '0' && c <= '9') && c != '+' && c != '/') {
      return false;
    }
  }
  return true;
}

// The value of a field that is there exactly once; else empty.
std::string_view only_value(const HeaderMap& headers, HeaderId id) noexcept {
  const Field* found = nullptr;
  for (const Field& field : headers.fields()) {
    if (field.id == id) {
      if (found != nullptr) {
        return {};
      }
      found = &field;
    }
  }
  return found == nullptr ? std::string_view{} : found->value();
}

[[gnu::noinline]] bool has_websocket_fields(const HeaderMap& headers) noexcept {
  return only_value(headers, HeaderId::sec_websocket_version) == "13" &&
         is_websocket_key(only_value(headers, HeaderId::sec_websocket_key));
}

// HTTP/1.0 clients do not know 100: what they expect is ignored (RFC 9110 10.1.1), and not passed
// on in the HTTP/1.1 that their request becomes.
void settle_expect(RequestHead& head, const MessageFields& meaning) noexcept {
  head.expect_continue = meaning.has_expect() && head.version == Version::http11;
  if (meaning.has_expect() && !head.expect_continue) {
    head.headers.remove(HeaderId::expect);
  }
}

// Host and target agree on where the request goes (RFC 9112 3.2, 3.2.2).
ErrorCode settle_host(RequestHead& head, const MessageFields& meaning) noexcept {
  if (!meaning.has_host() && head.version == Version::http11) {
    return ErrorCode::bad_host;
  }
  if (head.authority.empty()) {
    head.host = meaning.host().host;
    head.authority = meaning.host_text();
  }
  return ErrorCode::none;
}

ErrorCode settle_request(RequestHead& head, const MessageFields& meaning) noexcept {
  if (meaning.chunked()) {
    head.framing = Framing::chunked;
  } else if (meaning.has_length()) {
    head.framing = Framing::length;
  } else {
    head.framing = Framing::none;
  }
  head.content_length = meaning.length();
  head.keep_alive = meaning.keep_alive();
  head.connection_names_fields = meaning.names_fields();
  settle_expect(head, meaning);
  head.websocket =
      meaning.wants_websocket() && head.method == Method::get && has_websocket_fields(head.headers);
  return settle_host(head, meaning);
}

// RFC 9112 6.3 for responses, in its order.
Framing response_framing(const ResponseHead& head, Method request,
                         const MessageFields& meaning) noexcept {
  if (head.status == 101 && head.websocket) {
    return Framing::tunnel;
  }
  if (request == Method::head || head.status < 200 || head.status == 204 || head.status == 304) {
    return Framing::none;
  }
  if (request == Method::connect && head.status < 300) {
    return Framing::tunnel;
  }
  if (meaning.chunked()) {
    return Framing::chunked;
  }
  return meaning.has_length() ? Framing::length : Framing::until_close;
}

void settle_response(ResponseHead& head, Method request, const MessageFields& meaning) noexcept {
  head.websocket = head.status == 101 && meaning.wants_websocket();
  head.framing = response_framing(head, request, meaning);
  // 1xx and 204 have no length at all (RFC 9110 8.6). One that claims a body may send it: such a
  // connection is not used again.
  const bool lengthless = head.status < 200 || head.status == 204;
  const bool suspicious = lengthless && (meaning.chunked() || meaning.length() > 0);
  head.has_content_length = meaning.has_length() && !lengthless;
  head.content_length = head.has_content_length ? meaning.length() : 0;
  head.connection_names_fields = meaning.names_fields();
  head.keep_alive_hint = meaning.has_keep_alive();
  head.keep_alive = meaning.keep_alive() && !suspicious && head.framing != Framing::until_close &&
                    head.framing != Framing::tunnel;
}

// What a client would be told becomes what is told about a backend.
ErrorCode response_error(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::none:
      return ErrorCode::none;
    case ErrorCode::head_too_large:
    case ErrorCode::too_many_headers:
      return ErrorCode::upstream_head_too_large;
    case ErrorCode::bad_content_length:
    case ErrorCode::bad_transfer_encoding:
    case ErrorCode::unsupported_transfer_encoding:
    case ErrorCode::conflicting_framing:
      return ErrorCode::upstream_bad_framing;
    default:
      return ErrorCode::upstream_bad_head;
  }
}

}  // namespace

ParseResult parse_request(std::string_view bytes, const HeadLimits& limits,
                          RequestHead& head) noexcept {
  Cursor cursor = make_cursor(bytes, limits);
  head.headers.clear();
  if ((cursor.left() > 0 && *cursor.at < ' ' && !take_empty_lines(cursor)) ||
      !take_request_line(cursor, limits.target, head)) {
    return stopped(cursor, bytes, limits);
  }
  MessageFields meaning(head.version, true);
  if (!take_fields(cursor, limits.fields, head.headers, meaning)) {
    return stopped(cursor, bytes, limits);
  }
  const ErrorCode refused = settle_request(head, meaning);
  if (refused != ErrorCode::none) {
    return {ParseStatus::failed, refused, 0};
  }
  return {ParseStatus::complete, ErrorCode::none, static_cast<size_t>(cursor.at - bytes.data())};
}

ParseResult parse_response(std::string_view bytes, const HeadLimits& limits, Method request,
                           ResponseHead& head) noexcept {
  Cursor cursor = make_cursor(bytes, limits);
  head.headers.clear();
  bool taken = take_status_line(cursor, head);
  MessageFields meaning(head.version, false);
  taken = taken && take_fields(cursor, limits.fields, head.headers, meaning);
  if (!taken) {
    ParseResult result = stopped(cursor, bytes, limits);
    result.error = response_error(result.error);
    return result;
  }
  settle_response(head, request, meaning);
  return {ParseStatus::complete, ErrorCode::none, static_cast<size_t>(cursor.at - bytes.data())};
}

}  // namespace pingap::http::h1

#include "http/h1/start_line.h"

#include <algorithm>
#include <cstring>

#include "base/strings.h"
#include "http/h1/authority.h"
#include "http/limits.h"

namespace pingap::http::h1 {
namespace {

bool take_byte(Cursor& cursor, char wanted, ErrorCode why) noexcept {
  if (cursor.left() == 0) {
    return false;
  }
  if (*cursor.at != wanted) {
    return cursor.fail(why);
  }
  ++cursor.at;
  return true;
}

bool take_text(Cursor& cursor, std::string_view wanted, ErrorCode why) noexcept {
  const size_t n = std::min(cursor.left(), wanted.size());
  if (std::memcmp(cursor.at, wanted.data(), n) != 0) {
    return cursor.fail(why);
  }
  if (n < wanted.size()) {
    return false;
  }
  cursor.at += n;
  return true;
}

bool take_digit(Cursor& cursor, unsigned& digit, ErrorCode why) noexcept {
  if (cursor.left() == 0) {
    return false;
  }
  if (!is_digit(*cursor.at)) {
    return cursor.fail(why);
  }
  digit = static_cast<unsigned>(*cursor.at++ - '0');
  return true;
}

// "HTTP/1.0" is one version, all other 1.x are read as the highest 1.x that we know
// (RFC 9110 2.5).
[[gnu::noinline]] bool take_any_version(Cursor& cursor, Version& version, ErrorCode why) noexcept {
  unsigned major = 0;
  unsigned minor = 0;
  if (!take_text(cursor, "HTTP/", why) || !take_digit(cursor, major, why) ||
      !take_byte(cursor, '.', why) || !take_digit(cursor, minor, why)) {
    return false;
  }
  version = minor == 0 ? Version::http10 : Version::http11;
  return major == 1 ? true : cursor.fail(ErrorCode::version_not_supported);
}

[[gnu::always_inline]] inline bool take_version(Cursor& cursor, Version& version,
                                                ErrorCode why) noexcept {
  if (cursor.left() >= 8 && std::memcmp(cursor.at, "HTTP/1.1", 8) == 0) [[likely]] {
    cursor.at += 8;
    version = Version::http11;
    return true;
  }
  return take_any_version(cursor, version, why);
}

[[gnu::noinline]] bool take_any_method(Cursor& cursor, RequestHead& head) noexcept {
  const char* start = cursor.at;
  const char* stop = skip_token(start, cursor.window.end);
  const auto size = static_cast<size_t>(stop - start);
  if (size > limits::kMethod) {
    return cursor.fail(ErrorCode::bad_method);
  }
  if (stop == cursor.window.end) {
    return false;
  }
  if (*stop != ' ' || size == 0) {
    return cursor.fail(ErrorCode::bad_method);
  }
  head.method_text = {start, size};
  head.method = parse_method(head.method_text);
  cursor.at = stop + 1;
  return true;
}

[[gnu::always_inline]] inline bool take_method(Cursor& cursor, RequestHead& head) noexcept {
  if (cursor.left() >= 4 && std::memcmp(cursor.at, "GET ", 4) == 0) [[likely]] {
    head.method = Method::get;
    head.method_text = {cursor.at, 3};
    cursor.at += 4;
    return true;
  }
  return take_any_method(cursor, head);
}

// Goes on behind a '\\' at `stop`: servers of some systems take it for '/', so that it does not
// belong in the path, but it may stand in the query.
[[gnu::noinline]] const char* find_end_behind_backslash(const char* target, const char* stop,
                                                        const Window& window) noexcept {
  if (std::memchr(target, '?', static_cast<size_t>(stop - target)) == nullptr) {
    return stop;
  }
  while (stop != window.end && *stop == '\\') {
    stop = find_stop<TargetStop>(stop + 1, window);
  }
  return stop;
}

bool is_line_end(char c) noexcept {
  return c == '\r' || c == '\n';
}

[[gnu::always_inline]] inline bool take_target(Cursor& cursor, size_t max,
                                               std::string_view& target) noexcept {
  const char* start = cursor.at;
  const char* stop = find_stop<TargetStop>(start, cursor.window);
  if (stop != cursor.window.end && *stop == '\\') [[unlikely]] {
    stop = find_end_behind_backslash(start, stop, cursor.window);
  }
  const auto size = static_cast<size_t>(stop - start);
  if (size > max) {
    return cursor.fail(ErrorCode::target_too_long);
  }
  if (stop == cursor.window.end) {
    return false;
  }
  if (*stop != ' ' || size == 0) {
    return cursor.fail(is_line_end(*stop) ? ErrorCode::bad_request_line : ErrorCode::bad_target);
  }
  target = {start, size};
  cursor.at = stop + 1;
  return true;
}

bool set_authority(std::string_view text, RequestHead& head) noexcept {
  Authority authority;
  if (!split_authority(text, authority)) {
    return false;
  }
  head.authority = text;
  head.host = authority.host;
  return true;
}

// host ":" port, for CONNECT only (RFC 9112 3.2.3).
[[gnu::noinline]] bool split_authority_form(RequestHead& head) noexcept {
  return set_authority(head.target, head) && head.host.size() < head.authority.size();
}

size_t scheme_size(std::string_view target) noexcept {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (iequals(target.substr(0, scheme.size()), scheme)) {
      return scheme.size();
    }
  }
  return 0;
}

// Splits an absolute-form target into authority and origin-form (RFC 9112 3.2.2). Where the path
// is empty but a query is there, the target starts with '?': there is no memory for a '/'.
[[gnu::noinline]] bool split_absolute_form(RequestHead& head) noexcept {
  const size_t scheme = scheme_size(head.target);
  if (scheme == 0) {
    return false;
  }
  const std::string_view rest = head.target.substr(scheme);
  const size_t end = std::min(rest.find_first_of("/?"), rest.size());
  head.target = rest.substr(end);
  if (head.target.empty()) {
    // The last proxy asks the server itself (RFC 9112 3.2.4).
    head.asterisk = head.method == Method::options;
    head.target = head.asterisk ? "*" : "/";
  }
  return set_authority(rest.substr(0, end), head);
}

// Which form the target has, and whether the method allows it (RFC 9112 3.2).
bool check_target(RequestHead& head) noexcept {
  if (head.method == Method::connect) {
    return split_authority_form(head);
  }
  if (head.target.front() == '/') [[likely]] {
    return true;
  }
  if (head.target == "*") {
    head.asterisk = head.method == Method::options;
    return head.asterisk;
  }
  return split_absolute_form(head);
}

// "HTTP/1.1 200 ", as nearly all status lines start; leaves others to the careful way.
bool take_plain_status(Cursor& cursor, ResponseHead& head) noexcept {
  const char* at = cursor.at;
  if (cursor.left() < 13 || std::memcmp(at, "HTTP/1.1", 8) != 0 || at[8] != ' ' || at[12] != ' ') {
    return false;
  }
  const auto hundreds = static_cast<unsigned>(at[9] - '0');
  const auto tens = static_cast<unsigned>(at[10] - '0');
  const auto ones = static_cast<unsigned>(at[11] - '0');
  if (hundreds - 1 > 8 || tens > 9 || ones > 9) {
    return false;
  }
  head.version = Version::http11;
  head.status = static_cast<uint16_t>(hundreds * 100 + tens * 10 + ones);
  cursor.at += 13;
  return true;
}

// Version and status with the SP behind them, which some servers leave out when there is no
// reason.
[[gnu::noinline]] bool take_status(Cursor& cursor, ResponseHead& head) noexcept {
  constexpr auto kWhy = ErrorCode::upstream_bad_head;
  unsigned hundreds = 0;
  unsigned tens = 0;
  unsigned ones = 0;
  if (!take_version(cursor, head.version, kWhy) || !take_byte(cursor, ' ', kWhy) ||
      !take_digit(cursor, hundreds, kWhy) || !take_digit(cursor, tens, kWhy) ||
      !take_digit(cursor, ones, kWhy)) {
    return false;
  }
  head.status = static_cast<uint16_t>(hundreds * 100 + tens * 10 + ones);
  if (head.status < 100) {
    return cursor.fail(kWhy);
  }
  return (cursor.left() > 0 && *cursor.at == '\r') || take_byte(cursor, ' ', kWhy);
}

}  // namespace

bool take_request_line(Cursor& cursor, size_t max_target, RequestHead& head) noexcept {
  head.asterisk = false;
  head.host = {};
  head.authority = {};
  if (!take_method(cursor, head) || !take_target(cursor, max_target, head.target)) {
    return false;
  }
  if (!check_target(head)) {
    return cursor.fail(ErrorCode::bad_target);
  }
  return take_version(cursor, head.version, ErrorCode::bad_request_line) &&
         take_line_end(cursor, ErrorCode::bad_request_line);
}

bool take_status_line(Cursor& cursor, ResponseHead& head) noexcept {
  if (!take_plain_status(cursor, head) && !take_status(cursor, head)) {
    return false;
  }
  const char* stop = find_text_end(cursor.at, cursor.window);
  head.reason = {cursor.at, static_cast<size_t>(stop - cursor.at)};
  cursor.at = stop;
  return take_line_end(cursor, ErrorCode::upstream_bad_head);
}

}  // namespace pingap::http::h1

#include "config/syntax.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/ip.h"
#include "base/regex.h"
#include "base/strings.h"
#include "config/address.h"
#include "config/suggest.h"

namespace pingap::config {
namespace {

constexpr size_t kMaxName = 128;
constexpr size_t kMaxHeaderValue = 8 * 1024;

Problem make(std::string what, std::string allowed = {}, std::string hint = {}) {
  return {std::move(what), std::move(allowed), std::move(hint)};
}

bool is_alnum(char c) noexcept {
  return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z');
}

bool is_control(char c) noexcept {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

bool contains_iequal(std::span<const std::string_view> names, std::string_view name) noexcept {
  return std::ranges::any_of(names, [name](std::string_view one) { return iequals(one, name); });
}

int hex_digit(char c) noexcept {
  if (is_digit(c)) {
    return c - '0';
  }
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool is_unreserved(char c) noexcept {
  return is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

// `path[at]` is '%'.
MaybeProblem check_escape(std::string_view path, size_t at) {
  const int high = at + 2 < path.size() ? hex_digit(path[at + 1]) : -1;
  const int low = at + 2 < path.size() ? hex_digit(path[at + 2]) : -1;
  if (high < 0 || low < 0) {
    return make("`%` in a path needs two hex digits in upper case", {}, "a plain `%` is `%25`");
  }
  const auto byte = static_cast<char>(high * 16 + low);
  if (is_unreserved(byte)) {
    return make(fmt::format("{} would never match: requests are normalised first",
                            quote(path.substr(at, 3))),
                {}, fmt::format("write `{}`", byte));
  }
  if (byte == '\0' || byte == '\n' || byte == '\r') {
    return make(
        fmt::format("{} would never match: such requests are refused", quote(path.substr(at, 3))));
  }
  return std::nullopt;
}

bool has_dot_segment(std::string_view path) noexcept {
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const std::string_view segment = path.substr(0, path.find('/'));
    if (segment == "." || segment == "..") {
      return true;
    }
    path.remove_prefix(segment.size());
  }
  return false;
}

MaybeProblem check_path_text(std::string_view path) {
  if (!path.starts_with('/')) {
    return make("a path starts with `/`", {},
                path.starts_with('^') ? R"(for a regex set path_type = "regex")" : "");
  }
  for (size_t i = 0; i < path.size(); ++i) {
    const char c = path[i];
    if (c == '?' || c == '#') {
      return make("a path ends before its query or fragment", {},
                  c == '?' ? "the query is matched by match_query" : "");
    }
    if (is_control(c) || c == ' ' || c == '\\' || static_cast<unsigned char>(c) >= 0x80) {
      return make("a path is of visible ASCII", {}, "percent-encode everything else");
    }
    if (c == '%') {
      if (auto found = check_escape(path, i)) {
        return found;
      }
    }
  }
  if (has_dot_segment(path)) {
    return make("a path with `.` or `..` would never match: requests are normalised first");
  }
  return std::nullopt;
}

// Checks `$1`, `$name` and `${...}` of a replacement against the groups of the regex.
MaybeProblem check_references(std::string_view replacement, const Regex& regex) {
  for (size_t at = replacement.find('$'); at != std::string_view::npos;
       at = replacement.find('$', at)) {
    ++at;
    size_t end = at;
    while (end < replacement.size() && (is_alnum(replacement[end]) || replacement[end] == '_')) {
      ++end;
    }
    const std::string_view name = replacement.substr(at, end - at);
    if (name.empty() || !is_digit(name.front())) {
      continue;  // a named group, a variable or a plain `$`: known where requests are handled
    }
    const auto number = parse_decimal(name);
    if (!number || *number > static_cast<uint64_t>(regex.group_count())) {
      return make(fmt::format("`${}` in the replacement, but the regex has {} group{}", name,
                              regex.group_count(), regex.group_count() == 1 ? "" : "s"));
    }
  }
  return std::nullopt;
}

}  // namespace

bool is_token(std::string_view text) noexcept {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [kOthers](char c) {
    return is_alnum(c) || kOthers.find(c) != std::string_view::npos;
  });
}

bool is_printable(std::string_view text) noexcept {
  return std::ranges::none_of(text, is_control);
}

MaybeProblem check_entry_name(std::string_view name) {
  constexpr std::string_view kOthers = "_-.:/@";
  const bool fine = std::ranges::all_of(name, [kOthers](char c) {
    return is_alnum(c) || kOthers.find(c) != std::string_view::npos ||
           static_cast<unsigned char>(c) >= 0x80;
  });
  if (name.empty() || name.size() > kMaxName || !fine) {
    return make(quote(name) + " cannot be a name", "letters, digits and _ - . : / @, at most 128");
  }
  return std::nullopt;
}

MaybeProblem check_header_name(std::string_view name) {
  if (is_token(name)) {
    return std::nullopt;
  }
  return make(quote(name) + " is not a header name", "letters, digits and !#$%&'*+-.^_`|~");
}

MaybeProblem check_header_value(std::string_view value) {
  if (std::ranges::any_of(value, [](char c) { return is_control(c) && c != '\t'; })) {
    return make("a header value cannot hold line breaks or other control characters");
  }
  if (value.size() > kMaxHeaderValue) {
    return make("a header value is too long", "at most 8 KiB");
  }
  return std::nullopt;
}

MaybeProblem check_header_edit(std::string_view name, EditOf message) {
  constexpr std::array<std::string_view, 6> kFraming = {
      "Content-Length", "Transfer-Encoding", "Keep-Alive", "Proxy-Connection", "TE", "Trailer"};
  if (iequals(name, "Connection") || iequals(name, "Upgrade")) {
    return make(quote(name) + " is written by the proxy itself and cannot be edited", {},
                "WebSocket needs no headers here, only websocket = true, the default");
  }
  if (contains_iequal(kFraming, name)) {
    return make(quote(name) + " is written by the proxy itself and cannot be edited");
  }
  if (message == EditOf::response && iequals(name, "Host")) {
    return make("`Host` belongs to requests", {}, "for the backend use proxy_set_headers");
  }
  return std::nullopt;
}

MaybeProblem check_path(std::string_view path, PathType type) {
  switch (type) {
    case PathType::any:
      return std::nullopt;
    case PathType::regex:
      return check_regex(path);
    case PathType::exact:
    case PathType::prefix:
      break;
  }
  return check_path_text(path);
}

MaybeProblem check_host(std::string_view host) {
  if (host.starts_with('~')) {
    return check_regex(trim(host.substr(1)));
  }
  const std::string_view name = host.starts_with("*.") ? host.substr(2) : host;
  const bool bracketed = host.starts_with('[') && host.ends_with(']') &&
                         IpAddress::parse(host.substr(1, host.size() - 2)).has_value();
  if (is_host_name(name) || bracketed) {
    return std::nullopt;
  }
  std::string hint;
  if (host == "*") {
    hint = "for any host leave `host` out";
  } else if (const auto endpoint = parse_endpoint(host); endpoint) {
    hint = "a host is written without its port";
  }
  return make(quote(host) + " is not a host", R"("a.com", "*.a.com" or "~REGEX")", std::move(hint));
}

MaybeProblem check_regex(std::string_view pattern) {
  if (pattern.empty()) {
    return make("the regex is empty");
  }
  const auto regex = Regex::create(pattern);
  if (regex) {
    return std::nullopt;
  }
  const bool lookaround = pattern.find("(?=") != std::string_view::npos ||
                          pattern.find("(?!") != std::string_view::npos ||
                          pattern.find("(?<") != std::string_view::npos;
  return make(quote(pattern) + " is not a valid regex: " + regex.error(), {},
              lookaround ? "look-around is not part of RE2 syntax" : "");
}

MaybeProblem check_rewrite(std::string_view rewrite) {
  constexpr std::string_view kForms = R"("/path" or "REGEX REPLACEMENT")";
  const std::string_view text = trim(rewrite);
  const size_t space = text.find(' ');
  if (space == std::string_view::npos) {
    if (!text.starts_with('/')) {
      return make(quote(rewrite) + " is not a rewrite", std::string(kForms));
    }
    if (text.find('$') != std::string_view::npos) {
      return make("`$` in a rewrite without regex", std::string(kForms));
    }
    return check_path_text(text);
  }
  const std::string_view pattern = text.substr(0, space);
  const std::string_view replacement = trim(text.substr(space));
  if (replacement.find(' ') != std::string_view::npos) {
    return make(quote(rewrite) + " has more than two words", std::string(kForms),
                R"(a space in a regex is written `\x20`)");
  }
  if (!replacement.starts_with('/') && !replacement.starts_with('$')) {
    return make("the replacement of a rewrite starts with `/` or a group such as `$1`");
  }
  const auto regex = Regex::create(pattern);
  if (!regex) {
    return make(quote(pattern) + " is not a valid regex: " + regex.error());
  }
  return check_references(replacement, *regex);
}

}  // namespace pingap::config

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

// The rest of a path is looked at where it is made canonical, in route/.
MaybeProblem check_path_text(std::string_view path) {
  if (!path.starts_with('/')) {
    return make("a path starts with `/`", {},
                path.starts_with('^') ? R"(for a regex set path_type = "regex")" : "");
  }
  if (const size_t end = path.find_first_of("?#"); end != std::string_view::npos) {
    return make("a path ends before its query or fragment", {},
                path[end] == '?' ? "the query is matched by match_query" : "");
  }
  return std::nullopt;
}

// Checks `$1` to `$9` of a replacement against the groups of the regex. Everything else about a
// replacement is looked at where it is compiled, in route/.
MaybeProblem check_references(std::string_view replacement, const Regex& regex) {
  for (size_t at = 0; at + 1 < replacement.size(); ++at) {
    if (replacement[at] != '$') {
      continue;
    }
    const char digit = replacement[++at];  // of `$$` the second is skipped
    if (is_digit(digit) && digit - '0' > regex.group_count()) {
      return make(fmt::format("`${}` in the replacement, but the regex has {} group{}", digit,
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

MaybeProblem check_origin(std::string_view origin) {
  const size_t colon = origin.find("://");
  const bool whole = colon != std::string_view::npos && colon > 0 && colon + 3 < origin.size();
  const std::string_view authority = whole ? origin.substr(colon + 3) : std::string_view{};
  if (whole && is_token(origin.substr(0, colon)) && is_printable(origin) &&
      authority.find_first_of("/?#@ *") == std::string_view::npos) {
    return std::nullopt;
  }
  std::string hint;
  if (authority.find('/') != std::string_view::npos) {
    hint = "an origin has no path";
  } else if (origin.find('*') != std::string_view::npos) {
    hint = "for any origin leave `ws_allowed_origins` out";
  }
  return make(quote(origin) + " is not an origin", R"("https://a.com" or "http://a.com:8080")",
              std::move(hint));
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
  constexpr std::string_view kBlanks = " \t";
  const std::string_view text = trim(rewrite);
  const size_t blank = text.find_first_of(kBlanks);
  if (blank == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view pattern = text.substr(0, blank);
  const std::string_view replacement = trim(text.substr(blank));
  if (replacement.find_first_of(kBlanks) != std::string_view::npos) {
    return make(quote(rewrite) + " has more than two words", R"("/path" or "REGEX REPLACEMENT")",
                R"(a space in a regex is written `\x20`)");
  }
  const auto regex = Regex::create(pattern);
  if (!regex) {
    return make(quote(pattern) + " is not a valid regex: " + regex.error());
  }
  return check_references(replacement, *regex);
}

}  // namespace pingap::config

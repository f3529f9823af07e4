#include "route/route.h"

#include <algorithm>
#include <cctype>

#include "base/strings.h"
#include "route/path.h"

namespace pingap::route {
namespace {

// The longest suffix of a host that a wildcard may have: a name is at most 253 bytes (RFC 1035).
constexpr size_t kMaxHost = 253;

std::string to_lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return pingap::to_lower(c); });
  return lower;
}

// The longer one goes first where length is what makes a pattern special.
size_t length_of(const HostPattern& host) noexcept {
  return host.kind == HostKind::wildcard ? host.text.size() : 0;
}

size_t length_of(const PathPattern& path) noexcept {
  return path.kind == PathKind::prefix ? path.text.size() : 0;
}

}  // namespace

std::string_view why_before(const Route& a, const Route& b) noexcept {
  if (a.priority != b.priority) {
    return a.priority > b.priority ? "its priority is higher" : "";
  }
  if (a.host.kind != b.host.kind) {
    return a.host.kind < b.host.kind ? "its kind of host is more specific" : "";
  }
  if (length_of(a.host) != length_of(b.host)) {
    return length_of(a.host) > length_of(b.host) ? "its wildcard is longer" : "";
  }
  if (a.path.kind != b.path.kind) {
    return a.path.kind < b.path.kind ? "its kind of path is more specific" : "";
  }
  if (length_of(a.path) != length_of(b.path)) {
    return length_of(a.path) > length_of(b.path) ? "its prefix is longer" : "";
  }
  if (a.conditions != b.conditions) {
    return a.conditions > b.conditions ? "it has more conditions" : "";
  }
  return a.location < b.location ? "it is listed earlier" : "";
}

bool goes_before(const Route& a, const Route& b) noexcept {
  return !why_before(a, b).empty();
}

tl::expected<HostPattern, std::string> parse_host(std::string_view text) {
  if (text.starts_with('~')) {
    const std::string_view pattern = trim(text.substr(1));
    const auto regex = compile_host(pattern);
    if (!regex) {
      return tl::unexpected("host `" + std::string(text) + "`: " + regex.error());
    }
    return HostPattern{HostKind::regex, std::string(pattern)};
  }
  const bool wildcard = text.starts_with("*.");
  std::string host = to_lower(wildcard ? text.substr(1) : text);
  if (host.ends_with('.')) {
    host.pop_back();
  }
  if (host.empty() || host == "." || host.find('*') != std::string::npos) {
    return tl::unexpected("host `" + std::string(text) +
                          "`: `*` may stand only as the first label, as in `*.example.com`");
  }
  if (host.size() > kMaxHost) {
    return tl::unexpected("host `" + std::string(text) + "`: longer than 253 bytes");
  }
  return HostPattern{wildcard ? HostKind::wildcard : HostKind::exact, std::move(host)};
}

tl::expected<Regex, std::string> compile_host(std::string_view pattern) {
  // Alone first: "a)|(b" must not become right by what we put around it.
  auto alone = Regex::create(pattern, RegexCase::insensitive);
  if (!alone) {
    return alone;
  }
  return Regex::create("^(?:" + std::string(pattern) + ")$", RegexCase::insensitive);
}

tl::expected<PathPattern, std::string> parse_path(const config::Location& location,
                                                  const http::UriOptions& options) {
  const std::string& text = location.path.value;
  if (location.path_type == config::PathType::regex) {
    const auto regex = Regex::create(text);
    if (!regex) {
      return tl::unexpected("path `" + text + "`: " + regex.error());
    }
    return PathPattern{PathKind::regex, text};
  }
  if (text.empty()) {
    return PathPattern{};
  }
  auto canonical = canonical_path(text, options);
  if (!canonical) {
    return tl::unexpected(std::move(canonical.error()));
  }
  return PathPattern{
      location.path_type == config::PathType::exact ? PathKind::exact : PathKind::prefix,
      std::move(*canonical)};
}

std::string to_string(const HostPattern& host) {
  switch (host.kind) {
    case HostKind::exact:
      return host.text;
    case HostKind::wildcard:
      return "*" + host.text;
    case HostKind::regex:
      return "~" + host.text;
    case HostKind::none:
      return "any";
  }
  return {};
}

}  // namespace pingap::route

// One way to reach a location: one of its hosts and its path, with what gives it its place among
// all. Control thread; internal to route/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/regex.h"
#include "config/model.h"
#include "http/uri.h"

namespace pingap::route {

// Something wrong with a location that shows only when a router is built from it.
struct BuildError {
  size_t location;
  config::Position at;
  std::string what;
};

// The kinds from the most to the least specific.
enum class HostKind : uint8_t { exact, wildcard, regex, none };
enum class PathKind : uint8_t { exact, prefix, regex, any };

struct HostPattern {
  HostKind kind = HostKind::none;
  std::string text;  // lower case; of a wildcard ".a.com", of a regex the pattern
};

struct PathPattern {
  PathKind kind = PathKind::any;
  std::string text;  // canonical; of a regex the pattern
};

struct Route {
  uint32_t location;  // its index
  int32_t priority;
  HostPattern host;
  PathPattern path;
  uint32_t conditions;  // how many
};

// Whether `a` is tried before `b` (docs/routing.md).
bool goes_before(const Route& a, const Route& b) noexcept;

// In words, the first thing that puts `a` before `b`.
std::string_view why_before(const Route& a, const Route& b) noexcept;

// Parse what the configuration says. The error is what is wrong.
tl::expected<HostPattern, std::string> parse_host(std::string_view text);
tl::expected<PathPattern, std::string> parse_path(const config::Location& location,
                                                  const http::UriOptions& options);

// The pattern as a regex that has to match the whole host.
tl::expected<Regex, std::string> compile_host(std::string_view pattern);

// "*.a.com", "~regex", ... as written in a configuration.
std::string to_string(const HostPattern& host);

}  // namespace pingap::route

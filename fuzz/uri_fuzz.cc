// Any bytes as a request target: what is accepted is a fixed point without dot segments, control
// bytes or a second slash at the start (security.md rule P), and the same holds after a rewrite.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/uri.h"
#include "route/rewrite.h"

namespace {

using pingap::Arena;
using pingap::http::canonicalize;
using pingap::http::UriOptions;

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

void check_path(std::string_view path) {
  require(path == "*" || path.starts_with('/'));
  require(!path.starts_with("//"));
  const std::string closed = std::string(path) + "/";
  for (const char* bad : {"/../", "/./", "/..;", "/.;", "%2e", "%2E", "%00", "%0A", "%0D", "\\"}) {
    require(closed.find(bad) == std::string::npos);
  }
  for (const char c : path) {
    require(c > 0x20 && c < 0x7f);
  }
}

void check_rewrites(const pingap::http::Canonical& from, const UriOptions& options, Arena& arena) {
  for (const char* rule : {"/", "/v2?x=1", "^/(.*)/(.*)$ /$2?q=$1", "[^/]+ $0$0", "(.)(.) $2.$1"}) {
    pingap::config::Location location;
    location.path.value = "/a";
    location.path_type = pingap::config::PathType::prefix;
    location.rewrite.value = rule;
    const auto rewrite = pingap::route::Rewrite::compile(location, options);
    require(rewrite.has_value());
    const auto result = rewrite->apply(from, arena);
    if (result) {
      check_path(result->path);
      const auto again = canonicalize(result->target, options, arena);
      require(again.has_value() && !again->changed && again->path == result->path);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) {
    return 0;
  }
  const UriOptions options{.merge_slashes = (data[0] & 1) != 0,
                           .encoded_slash = (data[0] & 2) != 0};
  // A copy of its own size, so that reading past the end is seen.
  const std::string target(reinterpret_cast<const char*>(data + 1), size - 1);
  Arena arena;
  const auto first = canonicalize(target, options, arena);
  if (!first) {
    return 0;
  }
  check_path(first->path);
  check_path(first->match_path);
  require(first->changed || first->target.data() == target.data());
  const auto second = canonicalize(first->target, options, arena);
  require(second.has_value() && !second->changed && second->match_path == first->match_path);
  if ((data[0] & 4) != 0 && first->match_path.starts_with("/a")) {
    check_rewrites(*first, options, arena);
  }
  return 0;
}

#include "plugin/path.h"

#include <fmt/format.h>

#include "config/suggest.h"
#include "config/syntax.h"
#include "route/path.h"

namespace pingap::plugin {

std::optional<std::string> read_path(config::Reader& reader, config::Position at,
                                     std::string_view text) {
  if (!reader.check(at, config::check_path(text, config::PathType::exact))) {
    return std::nullopt;
  }
  // Servers may differ in these, and all of them may use the plugin: what only some of them have in
  // a path stays as it is, or is refused.
  constexpr http::UriOptions kAnyServer{.merge_slashes = false, .encoded_slash = true};
  auto path = route::canonical_path(text, kAnyServer);
  if (!path) {
    reader.error(at, {std::move(path.error()), {}, {}});
    return std::nullopt;
  }
  if (path->find("//") != std::string::npos) {
    reader.error(at, {fmt::format("path {}: most servers make `//` one slash", config::quote(text)),
                      {},
                      "write one, or where a regex may be, \"~ //\""});
    return std::nullopt;
  }
  return std::move(*path);
}

}  // namespace pingap::plugin

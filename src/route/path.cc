#include "route/path.h"

#include "base/arena.h"

namespace pingap::route {

tl::expected<std::string, std::string> canonical_path(std::string_view text,
                                                      const http::UriOptions& options) {
  Arena arena;
  const auto canonical = http::canonicalize(text, options, arena);
  if (!canonical || canonical->has_query || !text.starts_with('/')) {
    return tl::unexpected("path `" + std::string(text) + "` is not the path of a URL");
  }
  if (canonical->path != canonical->match_path) {
    return tl::unexpected("path `" + std::string(text) +
                          "`: parameters (`;`) and blanks at the end of a segment are not matched");
  }
  return std::string(canonical->path);
}

bool is_path_prefix(std::string_view text, std::string_view path) noexcept {
  return path.starts_with(text) &&
         (path.size() == text.size() || text.ends_with('/') || path[text.size()] == '/');
}

}  // namespace pingap::route

// Parameters of path segments: what is not matched, and where it stands.
#include <algorithm>

#include "http/uri_internal.h"

namespace pingap::http {
namespace {

// Where the part of a segment that starts at `at` ends, if it is one that backends drop:
// parameters, and blanks at the end of a segment, which some file systems do not keep. Else `at`.
size_t skip_dropped(std::string_view path, size_t at) noexcept {
  size_t end = at;
  while (path.substr(end, 3) == "%20") {
    end += 3;
  }
  if (end < path.size() && path[end] == ';') {
    return std::min(path.find('/', end), path.size());
  }
  return end == path.size() || path[end] == '/' ? end : at;
}

// Calls `keep` with each byte of `path` that is in its match_path, and its place. A segment of
// which nothing is left vanishes with its slash.
template <class Keep>
void walk_without_parameters(std::string_view path, const Keep& keep) noexcept {
  size_t kept = 0;
  char last = 'x';
  for (size_t i = 0; i < path.size(); ++i) {
    bool vanishes = false;
    if (const size_t end = skip_dropped(path, i); end != i) {
      if (end == path.size()) {
        return;
      }
      i = end;
      vanishes = last == '/';
    }
    // Nor are there two slashes at the start.
    if (vanishes || (path[i] == '/' && kept == 1)) {
      continue;
    }
    last = path[i];
    ++kept;
    keep(last, i);
  }
}

}  // namespace

std::string_view uri::without_parameters(std::string_view path, Arena& arena) noexcept {
  if (path.find(';') == std::string_view::npos && path.find("%20") == std::string_view::npos) {
    return path;
  }
  char* out = arena.make_array<char>(path.size());
  size_t size = 0;
  walk_without_parameters(path, [&](char c, size_t) { out[size++] = c; });
  return {out, size};
}

size_t end_of_match(std::string_view path, size_t size) noexcept {
  size_t kept = 0;
  size_t end = path.size();  // where all of it is asked for
  walk_without_parameters(path, [&](char, size_t at) {
    if (kept++ == size) {
      end = at;
    }
  });
  return end;
}

}  // namespace pingap::http

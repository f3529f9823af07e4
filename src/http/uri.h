// The one form of a request target that is matched, authorised, logged and forwarded
// (security.md rule P, RFC 3986 6.2.2). Pure; any thread.
//
// Of the path: unreserved bytes are decoded, other escapes upper-cased, bytes that RFC 3986 has no
// place for escaped, dot segments removed, `//` merged. Refused: bad escapes, escaped or raw
// control bytes, `\`, `#`, escaped slashes, dot segments with parameters (`..;x`), and `..` above
// the root. The query stays as sent; control bytes, blanks and `#` in it are refused.
#pragma once

#include <string_view>

#include "base/arena.h"
#include "base/error.h"

namespace pingap::http {

struct UriOptions {
  // `//` inside a path becomes `/`. At its start it always does: a path that begins with two
  // slashes reads as a host name in a Location header.
  bool merge_slashes = true;
  // %2F and %5C are kept (upper-case) and not refused. A dot segment beside one is still refused:
  // some backends decode them.
  bool encoded_slash = false;
};

// The views point into the target that was given, or into the arena.
struct Canonical {
  std::string_view target;  // path and query with its `?`: what is forwarded
  std::string_view path;    // the first part of target
  std::string_view query;   // without the `?`
  // The path without the parameters of its segments ("/a;x=1/b" is "/a/b", RFC 3986 3.3) and
  // without blanks at their ends ("/a%20" is "/a"): what is matched and authorised, because that is
  // what servlet containers and some file systems see. Mostly path itself.
  std::string_view match_path;
  bool has_query = false;  // there is a `?`, even with nothing behind it
  bool changed = false;    // target is not what was given
};

// `target` in origin-form ("/path?query") or "*". A target that is canonical already, nearly all
// are, is found to be in one pass and not copied. The result is a fixed point:
// canonicalize(canonicalize(x).target) changes nothing. Errors: bad_target, target_too_long.
Result<Canonical> canonicalize(std::string_view target, const UriOptions& options,
                               Arena& arena) noexcept;

// Where in `path` the first `size` bytes of its match_path end, parameters right behind included:
// the part of "/a;x=1/b" that "/a" stands for is "/a;x=1".
size_t end_of_match(std::string_view path, size_t size) noexcept;

}  // namespace pingap::http

// Text for errors: names as they may be shown, and the nearest known name to a misspelt one.
// Control thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace pingap::config {

inline constexpr size_t kMaxQuoted = 60;  // bytes that fit a line

// The text, control bytes escaped and cut.
std::string plain(std::string_view text, size_t max = kMaxQuoted);
// The same in backquotes.
std::string quote(std::string_view text, size_t max = kMaxQuoted);

// A path is of no use when it is cut.
inline std::string quote_path(std::string_view path) {
  return quote(path, std::string::npos);
}

// The candidate that `text` is most likely a misspelling of; empty when none is near.
std::string_view nearest(std::string_view text, std::span<const std::string_view> candidates);

// "did you mean `addrs`?", or empty.
std::string did_you_mean(std::string_view text, std::span<const std::string_view> candidates);

// "`a`, `b`, ... (12 more)"
std::string join_names(std::span<const std::string_view> names, size_t max);

}  // namespace pingap::config

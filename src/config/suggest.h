// Text for errors: names as they may be shown, and the nearest known name to a misspelt one.
// Control thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace pingap::config {

// The text, control bytes escaped and cut to a length that fits a line.
std::string plain(std::string_view text);
// The same in backquotes.
std::string quote(std::string_view text);

// The candidate that `text` is most likely a misspelling of; empty when none is near.
std::string_view nearest(std::string_view text, std::span<const std::string_view> candidates);

// "did you mean `addrs`?", or empty.
std::string did_you_mean(std::string_view text, std::span<const std::string_view> candidates);

// "`a`, `b`, ... (12 more)"
std::string join_names(std::span<const std::string_view> names, size_t max);

}  // namespace pingap::config

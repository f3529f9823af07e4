// "/new/$1": texts with the groups of a regular expression. Built on the control thread; any
// thread.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "base/arena.h"
#include "base/regex.h"
#include "plugin/options.h"

namespace pingap::plugin {

// The text with `$0` to `$9` replaced; in `arena` where there are any.
std::string_view fill_groups(std::string_view text, std::span<const std::string_view> groups,
                             Arena& arena) noexcept;

// Both or neither, and no group that there is not; else what is wrong goes to `reader`.
std::optional<Regex> compile_replacement(const Located<std::string>& regex,
                                         const Located<std::string>& to, config::Reader& reader);

}  // namespace pingap::plugin

// Paths in the options of plugins and in `when` and `unless`. Control thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/reader.h"

namespace pingap::plugin {

// The form in which requests are matched: another one would never be equal to theirs, and who is
// kept out by it would be let in. What is wrong with it goes to `reader`.
std::optional<std::string> read_path(config::Reader& reader, config::Position at,
                                     std::string_view text);

}  // namespace pingap::plugin

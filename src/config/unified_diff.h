// How a text is written anew, as `diff -u` shows it: for people and for `patch`. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace pingap::config {

// Of two texts that differ in blanks, blank lines and ends of lines: lines that are not blank
// belong together in their order, which takes linear time. Other texts give a right diff, too, but
// hardly the shortest. Empty where they are equal; else it begins with "--- NAME" and "+++ NAME".
std::string unified_diff(std::string_view name, std::string_view before, std::string_view after);

}  // namespace pingap::config

// The page that lists a folder. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plugin/content/file_root.h"

namespace pingap::plugin {

// `path` as it is shown; names may hold anything.
std::string render_listing(std::string_view path, const std::vector<FileRoot::Entry>& entries);

}  // namespace pingap::plugin

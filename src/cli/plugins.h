// `pingap plugin list` and `pingap plugin show`: the types of plugins and their keys, from the
// tables that read them.
#pragma once

#include <string>

#include "base/exit_code.h"
#include "cli/options.h"

namespace pingap::cli {

// All types, a line each, or as JSON.
std::string plugin_list(Format format);

// One type, or all of them.
ExitCode show_plugin(const Options& options);

}  // namespace pingap::cli

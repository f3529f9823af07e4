// Completion scripts for shells. Any thread.
#pragma once

#include <string_view>

#include "cli/options.h"

namespace pingap::cli {

// The script for `pingap completion SHELL`; options_test holds it to the real command line.
std::string_view completion_script(Shell shell) noexcept;

}  // namespace pingap::cli

// `pingap top`: what the running process does, live in a terminal, or once for a file or program.
// Main thread.
#pragma once

#include "base/exit_code.h"
#include "cli/options.h"

namespace pingap::cli {

ExitCode show_top(const Options& options);

}  // namespace pingap::cli

// What each command of the program does. Main thread.
#pragma once

#include "base/exit_code.h"
#include "cli/options.h"

namespace pingap::cli {

ExitCode run_command(const Options& options);

}  // namespace pingap::cli

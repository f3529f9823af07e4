// Revisions: they are read where they are kept, a process need not run. Main thread.
#pragma once

#include "base/exit_code.h"
#include "cli/options.h"

namespace pingap::cli {

ExitCode show_history(const Options& options);
ExitCode show_revision(const Options& options);

}  // namespace pingap::cli

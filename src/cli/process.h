// The life of a `pingap run`: privileges, listeners, workers, signals, the graceful stop. Control
// thread.
#pragma once

#include "cli/exit_code.h"
#include "cli/options.h"

namespace pingap::cli {

// Runs the proxy until it is told to stop; the returned code is the process's.
ExitCode run_proxy(const Options& options);
// Runs one demo backend likewise.
ExitCode run_demo_backend(const Options& options);

}  // namespace pingap::cli

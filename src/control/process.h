// The life of a `pingap run`: privileges, listeners, workers, signals, the graceful stop. Control
// thread.
#pragma once

#include "base/exit_code.h"
#include "cli/options.h"

namespace pingap::control {

// Runs the proxy until it is told to stop; the returned code is the process's.
ExitCode run_proxy(const Options& options);
// Runs one demo backend likewise.
ExitCode run_demo_backend(const Options& options);

}  // namespace pingap::control

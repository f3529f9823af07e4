// `pingap demo-backend`: one small HTTP server until a signal ends it. Main thread.
#pragma once

#include "base/exit_code.h"
#include "cli/options.h"

namespace pingap::cli {

ExitCode run_demo_backend(const Options& options);

}  // namespace pingap::cli

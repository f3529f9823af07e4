// `pingap fmt`: configuration files in the one form. Main thread.
#pragma once

#include "base/exit_code.h"
#include "cli/options.h"

namespace pingap::cli {

// Each file by itself: one that is not valid TOML stays as it is, the others are done. Names of
// those that changed, or would, go to stdout. invalid_config if one is not valid; runtime_failure
// if one could not be read or written, or with --check and --diff is not in that form.
ExitCode format_files(const Options& options);

}  // namespace pingap::cli

// Commands that the running process carries out. Main thread; they wait for its answer.
#pragma once

#include "base/exit_code.h"
#include "cli/options.h"

namespace pingap::cli {

ExitCode reload(const Options& options);

}  // namespace pingap::cli

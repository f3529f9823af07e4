// `pingap profile`: what the threads of the running process work on, as folded stacks. Main thread.
#pragma once

#include <string>
#include <string_view>

#include "base/exit_code.h"
#include "cli/options.h"

namespace pingap::cli {

ExitCode profile_process(const Options& options);

// The answer of the process (control/profile.h) with names in place of addresses: a line for each
// stack. Reads the files that it names.
std::string fold(std::string_view answer);

}  // namespace pingap::cli

// `pingap route explain METHOD URL`: which location takes a request, why, and what the backend
// would be sent. Main thread; nothing is connected.
#pragma once

#include "base/exit_code.h"
#include "cli/options.h"

namespace pingap::cli {

ExitCode explain_route(const Options& options);

}  // namespace pingap::cli

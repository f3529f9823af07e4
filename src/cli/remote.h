// Commands that the running process carries out. Main thread; they wait for its answer.
#pragma once

#include "base/clock.h"
#include "base/exit_code.h"
#include "cli/options.h"
#include "control/command.h"

namespace pingap::cli {

// What the running process of `options.config` answers, within `longest` (0: whenever). Without an
// answer, a line that says why.
control::Answer order(const Options& options, const control::Command& command,
                      Duration longest = {});

ExitCode reload(const Options& options);
// How it is.
ExitCode show_status(const Options& options);
ExitCode upgrade(const Options& options);
// Shows or changes the levels of the application log.
ExitCode change_log(const Options& options);
// Lists servers of upstreams, or tells one of them what to do.
ExitCode order_upstream(const Options& options);
// Has requests of a client or path written to the log for a while.
ExitCode trace_requests(const Options& options);
// Of what runs and what the file says now; or of two files or revisions, without a process.
ExitCode show_difference(const Options& options);
// Writes a revision to where the configuration is, and makes the process use it.
ExitCode roll_back(const Options& options);

}  // namespace pingap::cli

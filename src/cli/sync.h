// `pingap config push|pull|sync`: makes one place of a configuration like another. Main thread;
// blocks on files and etcd.
#pragma once

#include "base/exit_code.h"
#include "cli/options.h"

namespace pingap::cli {

ExitCode sync_config(const Options& options);

}  // namespace pingap::cli

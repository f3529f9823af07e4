// Configuration texts to a snapshot, problems to stderr. Control thread.
#pragma once

#include <memory>

#include "cli/options.h"
#include "proxy/snapshot.h"

namespace pingap::cli {

// Null when the configuration has errors; they have been printed, all of them.
std::shared_ptr<const proxy::Snapshot> load_snapshot(const Options& options);

}  // namespace pingap::cli

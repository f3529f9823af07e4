// Looks whether servers that are to be found can be found now: for `pingap validate`. Blocks.
#pragma once

#include "config/diagnostics.h"
#include "config/model.h"

namespace pingap::proxy {

// What is not found is a warning. `port` is that of addresses in files without one.
void try_discovery(const config::Discovery& discovery, uint16_t port,
                   config::Diagnostics& diagnostics);

}  // namespace pingap::proxy

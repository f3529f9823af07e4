// What a start needs of this machine, looked at without touching it: a proxy may be running with
// the same files and addresses. Control thread; may block.
#pragma once

#include <optional>

#include "control/privileges.h"
#include "proxy/inherited.h"
#include "proxy/snapshot.h"

namespace pingap::control {

// Adds to `diagnostics` all that would keep `run` from starting here and now, but for addresses
// that somebody else listens on, and for those of `given` (null: none). `snapshot` was built from
// `model`. Returns who to become.
std::optional<Identity> check_machine(const config::Model& model, const proxy::Snapshot& snapshot,
                                      config::Diagnostics& diagnostics,
                                      const proxy::InheritedSockets* given = nullptr);

}  // namespace pingap::control

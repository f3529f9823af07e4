// What a start needs of this machine, looked at without touching it: a proxy may be running with
// the same files and addresses. Control thread; may block.
#pragma once

#include <optional>

#include "control/privileges.h"
#include "observe/log_sink.h"
#include "proxy/inherited.h"
#include "proxy/snapshot.h"

namespace pingap::control {

// Adds to `diagnostics` all that would keep `run` from doing its work here and now, but for
// addresses that somebody else listens on, and for those of `given` (null: none). Logs that cannot
// be opened are warnings where they are later. `snapshot` was built from `model`. Returns who to
// become.
std::optional<Identity> check_machine(const config::Model& model, const proxy::Snapshot& snapshot,
                                      config::Diagnostics& diagnostics, observe::BadLog bad_logs,
                                      const proxy::InheritedSockets* given = nullptr);

}  // namespace pingap::control

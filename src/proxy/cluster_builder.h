// [upstreams.NAME] in its running form. Control thread.
#pragma once

#include <memory>

#include "proxy/snapshot.h"

namespace pingap::proxy {

// For `snapshot`, which is being built and gives it a slot; the one of `before` (null at the start)
// where nothing has changed about it. `names` are those that were looked up already; may be null.
// What is wrong goes to `diagnostics`.
std::shared_ptr<const Cluster> build_cluster(const config::Upstream& from,
                                             config::Diagnostics& diagnostics, Finding finding,
                                             const Snapshot* before,
                                             const net::NamedAddresses* names, Snapshot& snapshot);

}  // namespace pingap::proxy

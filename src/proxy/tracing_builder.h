// Makes of [tracing] what workers and the exporter of spans need. Control thread.
#pragma once

#include "config/diagnostics.h"
#include "config/model.h"
#include "proxy/snapshot.h"

namespace pingap::proxy {

// Fills tracer and tracing of `to`, where `from` is on; what has not changed is taken from `before`
// (may be null). `to.workers` is known by now.
void build_tracing(const config::Tracing& from, config::Diagnostics& diagnostics,
                   const Snapshot* before, Snapshot& to);

}  // namespace pingap::proxy

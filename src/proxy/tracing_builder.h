// Makes of [tracing] what workers and the exporter of spans need, and reads what exporters show and
// trust. Control thread.
#pragma once

#include "config/diagnostics.h"
#include "config/model.h"
#include "proxy/snapshot.h"

namespace pingap::proxy {

// Reads the files that `from` names; a file that cannot be used is an error.
CollectorPems read_pems(const config::Collector& from, config::OtlpSignal signal,
                        config::Diagnostics& diagnostics);

// Fills tracer and tracing of `to`, where `from` is on; what has not changed is taken from `before`
// (may be null). `to.workers` is known by now.
void build_tracing(const config::Tracing& from, config::Diagnostics& diagnostics,
                   const Snapshot* before, Snapshot& to);

}  // namespace pingap::proxy

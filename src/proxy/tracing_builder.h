// Makes of [tracing] what workers and the exporter of spans need, and reads what exporters show and
// trust. Control thread.
#pragma once

#include <string>

#include "config/diagnostics.h"
#include "config/model.h"
#include "proxy/snapshot.h"
#include "tls/pem_source.h"

namespace pingap::proxy {

// The PEM that `source`, the value of `key`, names or is, empty where that is; a file that cannot
// be used is an error.
std::string read_pem(const std::string& key, const config::Located<std::string>& source,
                     tls::Readers readers, config::Diagnostics& diagnostics);

// The same of all that `from` names.
CollectorPems read_pems(const config::Collector& from, config::OtlpSignal signal,
                        config::Diagnostics& diagnostics);

// Fills tracer and tracing of `to`, where `from` is on; what has not changed is taken from `before`
// (may be null). `to.workers` is known by now.
void build_tracing(const config::Tracing& from, config::Diagnostics& diagnostics,
                   const Snapshot* before, Snapshot& to);

}  // namespace pingap::proxy

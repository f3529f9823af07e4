// Where the spans of a configuration go. Control thread.
#pragma once

#include "proxy/snapshot.h"
#include "remote/span_exporter.h"

namespace pingap::control {

// From now on as `snapshot` says.
void export_spans(remote::SpanExporter& exporter, const proxy::Snapshot& snapshot);

}  // namespace pingap::control

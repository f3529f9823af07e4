// The spans of a request: where its trace comes from, what backends are told of it, and what is
// left for the exporter at its end (trace/). Nothing of this is called where there is no [tracing].
// Worker.
#pragma once

#include <string_view>

#include "exchange/exchange.h"
#include "proxy/snapshot.h"
#include "trace/request_trace.h"

namespace pingap::proxy {

class Worker;

// The head is there: x.trace from here on. `site` has a tracer.
void begin_trace(exchange::Exchange& x, const Site& site, Worker& worker) noexcept;

// Which fields of the client do not go on to the backend, as add_trace_fields() says them anew: by
// their header_policy(), and one by one those of B3. `x` has a trace.
uint8_t replaced_policy(const exchange::Exchange& x, const Site& site) noexcept;
bool is_b3_field(const http::Field& field) noexcept;

// What the backend is told; kTraceFields more fields at most, beside the client's `tracestate`.
void add_trace_fields(exchange::Exchange& x, const Site& site, http::HeaderMap& out) noexcept;
inline constexpr size_t kTraceFields = 5;

// A try at `endpoint` begins, of a request that is recorded: the backend is told its span. Null: it
// has had too many.
trace::Try* begin_traced_try(exchange::Exchange& x, Worker& worker, const Site& site,
                             std::string_view endpoint, TimePoint now) noexcept;

// Something has happened to the request; `name` is static, `plugin` may be empty.
void add_trace_event(exchange::Exchange& x, TimePoint now, std::string_view name,
                     std::string_view plugin) noexcept;

inline void note_event(exchange::Exchange& x, TimePoint now, std::string_view name,
                       std::string_view plugin = {}) noexcept {
  if (x.trace != nullptr && x.trace->recording) {
    add_trace_event(x, now, name, plugin);
  }
}

// It is over.
void record_trace(exchange::Exchange& x, const Site& site, const Route* route,
                  Worker& worker) noexcept;

inline void end_trace(exchange::Exchange& x, const Site& site, const Route* route,
                      Worker& worker) noexcept {
  if (x.trace != nullptr && x.trace->recording) {
    record_trace(x, site, route, worker);
  }
}

}  // namespace pingap::proxy

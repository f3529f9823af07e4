#include "proxy/request_metrics.h"

#include <array>

#include "exchange/termination.h"
#include "proxy/worker.h"
#include "trace/request_trace.h"

namespace pingap::proxy {
namespace {

static_assert(exchange::kTerminations.size() <= observe::kEnds);

// Others would need escaping, and are none of ours.
bool is_plain(std::string_view id) noexcept {
  for (const char c : id) {
    if (c < '!' || c > '~' || c == '"' || c == '\\') {
      return false;
    }
  }
  return true;
}

void count_upstream(const exchange::Exchange& x, observe::UpstreamCell& cell) noexcept {
  if (x.first_byte != TimePoint{}) {
    cell.first_byte.add(x.first_byte - x.request_sent);
  }
  if (!x.upstream_reused && x.request_sent > x.connect_start) {
    cell.connect.add(x.request_sent - x.connect_start);
  }
  if (x.queued > Duration::zero()) {
    cell.queued.add(x.queued);
  }
}

// A request that can be looked at whole goes before one that only has an id.
void note_trace(const exchange::Exchange& x, observe::Exemplars& exemplars, Duration took,
                Worker& worker) noexcept {
  if (exemplars.wants(took, x.finished)) {
    std::array<char, trace::kTraceIdSize> id;
    trace::put_trace_id(x.trace->trace, id.data());
    exemplars.set({id.data(), id.size()}, observe::ExemplarOf::trace_id, took, x.finished,
                  worker.wall_time());
  }
}

}  // namespace

void add_begun(const Site& site, const Worker& worker) noexcept {
  site.counts->cells[worker.index()].begun.add();
}

void count_request(const exchange::Exchange& x, const Site& site, const Route* route,
                   Worker& worker) noexcept {
  const uint32_t index = worker.index();
  site.counts->cells[index].ended.add();
  const Duration took = x.finished - x.started;
  const bool counted = route != nullptr && route->counts != nullptr;
  observe::RequestCell& cell = (counted ? route->counts : site.counts->rest)->of(index);
  cell.add({static_cast<uint8_t>(x.request.method), x.status, took, x.request_bytes,
            x.response_bytes, exchange::termination_index(x)});
  if (route != nullptr && x.attempts > 0) {
    const Route::Other* other = route->others.empty() ? nullptr : route->find_other(x.upstream);
    const Cluster& cluster = other != nullptr ? *other->cluster : *route->cluster;
    count_upstream(x, cluster.counts->of(index));
  }
  if (x.trace != nullptr && x.trace->sampled) {
    note_trace(x, cell.exemplars(), took, worker);
    return;
  }
  if (!x.request_id.empty() && cell.exemplars().wants(took, x.finished) && is_plain(x.request_id)) {
    cell.exemplars().set(x.request_id, observe::ExemplarOf::request_id, took, x.finished,
                         worker.wall_time());
  }
}

}  // namespace pingap::proxy

#include "control/state_text.h"

#include <algorithm>
#include <unordered_map>

#include "base/json_writer.h"
#include "control/process_stats.h"
#include "control/reloader.h"
#include "control/troubles.h"

namespace pingap::control {
namespace {

using proxy::LiveUpstreams;
using Servers = std::vector<const LiveUpstreams::ServerReport*>;

std::string_view name_of(upstream::Breaker::State state) noexcept {
  switch (state) {
    case upstream::Breaker::State::closed:
      return "closed";
    case upstream::Breaker::State::open:
      return "open";
    case upstream::Breaker::State::half_open:
      break;
  }
  return "half_open";
}

void write_config(JsonWriter& out, const Reloader::Status& status) {
  out.key("config");
  out.begin_object();
  out.number("revision", status.revision);
  out.number("loaded_at",
             std::chrono::duration<double>(status.loaded_at.time_since_epoch()).count());
  out.number("reloads", status.taken);
  out.number("refused_reloads", status.refused);
  out.key("last_reload_taken");
  out.boolean(status.last_taken);
  out.end();
}

void write_workers(JsonWriter& out, const proxy::Server& server,
                   const std::vector<Duration>& lags) {
  out.key("workers");
  out.begin_list();
  const auto connections = server.connections_by_worker();
  for (size_t i = 0; i < connections.size(); ++i) {
    out.begin_object();
    out.number("connections", uint64_t{connections[i]});
    if (i < lags.size()) {
      out.number("event_loop_lag", std::chrono::duration<double>(lags[i]).count());
    }
    out.end();
  }
  out.end();
}

void write_sites(JsonWriter& out, const proxy::Server& server) {
  out.key("servers");
  out.begin_list();
  for (const auto& [site, count] : server.connections_by_site()) {
    out.begin_object();
    out.text("name", site);
    out.number("connections", uint64_t{count});
    out.end();
  }
  out.end();
}

void write_server(JsonWriter& out, const LiveUpstreams::ServerReport& server) {
  const upstream::ServerTotals& totals = server.totals;
  uint64_t open = totals.opened;
  for (const uint64_t closed : totals.closed) {
    open -= std::min(open, closed);
  }
  out.begin_object();
  out.text("server", server.server);
  out.text("state", server.state);
  out.number("weight", uint64_t{server.weight});
  out.number("priority", uint64_t{server.priority});
  out.number("requests", totals.requests);
  out.number("in_flight", totals.requests - std::min(totals.requests, totals.ended));
  out.number("retries", totals.retries);
  out.number("failures", totals.failures);
  out.number("unreachable", totals.unreachable);
  out.number("connections", open);
  out.number("idle", totals.idle);
  out.number("reused", totals.reused);
  out.end();
}

void write_upstream(JsonWriter& out, const proxy::Cluster& cluster, const Servers& servers) {
  out.begin_object();
  out.text("name", cluster.name);
  out.text("breaker", name_of(cluster.backends.state->breaker.state()));
  out.number("queued", uint64_t{cluster.backends.state->pending.load(std::memory_order_relaxed)});
  out.key("servers");
  out.begin_list();
  for (const LiveUpstreams::ServerReport* server : servers) {
    write_server(out, *server);
  }
  out.end();
  out.end();
}

void write_upstreams(JsonWriter& out, const Running& running) {
  out.key("upstreams");
  out.begin_list();
  const auto reports = running.upstreams.report();
  std::unordered_map<std::string_view, Servers> by_upstream;
  for (const auto& report : reports) {
    by_upstream[report.upstream].push_back(&report);
  }
  for (const auto& cluster : running.reloader.current().snapshot->clusters) {
    write_upstream(out, *cluster, by_upstream[cluster->name]);
  }
  out.end();
}

void write_troubles(JsonWriter& out, const LiveUpstreams& upstreams) {
  out.key("degraded");
  out.begin_list();
  for (const TroubleReport& one : troubles(upstreams)) {
    out.begin_object();
    out.text("part", one.part);
    out.text("name", one.name);
    out.text("what", one.what);
    if (one.since) {
      out.number("since", std::chrono::duration<double>(one.since->time_since_epoch()).count());
    }
    out.end();
  }
  out.end();
}

}  // namespace

std::string state_text(const Running& running, const std::vector<Duration>& lags) {
  JsonWriter out;
  out.begin_object();
  out.text("version", running.build.version);
  out.text("commit", running.build.commit);
  out.number("started", read_process_stats().started);
  out.key("ready");
  out.boolean(!running.stopping());
  write_config(out, running.reloader.status());
  write_workers(out, running.server, lags);
  write_sites(out, running.server);
  write_upstreams(out, running);
  write_troubles(out, running.upstreams);
  out.end();
  return out.finish() + '\n';
}

}  // namespace pingap::control

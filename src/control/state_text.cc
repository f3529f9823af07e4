#include "control/state_text.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "base/json_writer.h"
#include "control/process_stats.h"
#include "control/reloader.h"
#include "control/troubles.h"

namespace pingap::control {
namespace {

using proxy::LiveUpstreams;
using Servers = std::vector<const LiveUpstreams::ServerReport*>;

// In the order of session::Speaks.
constexpr std::array<std::string_view, static_cast<size_t>(session::Speaks::count_)> kSpeaks = {
    "proxy_header", "tls_handshake", "http1", "http2"};

double seconds(Duration duration) noexcept {
  return std::chrono::duration<double>(duration).count();
}

void write_config(JsonWriter& out, const Reloader::Status& status) {
  out.key("config");
  out.begin_object();
  out.number("revision", status.revision);
  out.number("loaded_at",
             std::chrono::duration<double>(status.loaded_at.time_since_epoch()).count());
  out.number("reloads", status.taken);
  out.number("refused_reloads", status.refused);
  if (status.refused > 0) {
    out.number("last_refused_at",
               std::chrono::duration<double>(status.refused_at.time_since_epoch()).count());
  }
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
      out.number("event_loop_lag", seconds(lags[i]));
    }
    out.end();
  }
  out.end();
}

void write_sites(JsonWriter& out, const proxy::Server& server) {
  out.key("servers");
  out.begin_list();
  for (const auto& one : server.connections_by_site()) {
    out.begin_object();
    out.text("name", one.site);
    out.number("connections", uint64_t{one.count});
    out.key("speaks");
    out.begin_object();
    for (size_t i = 0; i < kSpeaks.size(); ++i) {
      out.number(kSpeaks[i], one.speaks[i]);
    }
    out.end();
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
  out.text("breaker", upstream::to_string(cluster.backends.state->breaker.state()));
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

void write_request(JsonWriter& out, const proxy::UnderWay& one) {
  out.begin_object();
  out.number("age", seconds(one.age));
  out.text("phase", one.phase);
  out.text("protocol", one.protocol);
  out.text("method", one.method);
  out.text("host", one.host);
  out.text("path", one.path);
  out.text("client", one.client);
  out.number("connection", one.connection);
  out.text("request_id", one.request_id);
  out.text("server", one.server);
  out.text("location", one.location);
  out.text("upstream", one.upstream);
  out.text("upstream_server", one.endpoint);
  out.number("tries", uint64_t{one.tries});
  out.number("status", uint64_t{one.status});
  out.number("request_body_bytes", one.request_bytes);
  out.number("response_body_bytes", one.response_bytes);
  out.end();
}

void write_requests(JsonWriter& out, const RequestsReport& requests) {
  out.key("requests");
  out.begin_object();
  out.number("under_way", requests.found.requests);
  out.number("tunnels", requests.found.tunnels);
  out.key("silent_workers");
  out.begin_list();
  for (const size_t worker : requests.silent) {
    out.number(uint64_t{worker});
  }
  out.end();
  out.key("oldest");
  out.begin_list();
  for (const proxy::UnderWay& one : requests.found.oldest) {
    write_request(out, one);
  }
  out.end();
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

std::string state_text(const Running& running, const std::vector<Duration>& lags,
                       const RequestsReport& requests) {
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
  write_requests(out, requests);
  write_troubles(out, running.upstreams);
  out.end();
  return out.finish() + '\n';
}

}  // namespace pingap::control

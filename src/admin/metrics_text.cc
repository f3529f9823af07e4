#include "admin/metrics_text.h"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "admin/families.h"
#include "admin/otlp_metrics.h"
#include "base/log.h"
#include "control/process_stats.h"
#include "control/reloader.h"
#include "control/troubles.h"
#include "exchange/termination.h"
#include "http/method.h"

namespace pingap::admin {
namespace {

using observe::Exposition;
using observe::labels;
using proxy::LiveUpstreams;

double seconds(Duration duration) noexcept {
  return std::chrono::duration<double>(duration).count();
}

double seconds_since_1970(WallTime time) noexcept {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

uint64_t flag(bool is) noexcept {
  return is ? 1U : 0U;
}

std::string_view method_label(uint8_t method) noexcept {
  const std::string_view name = to_string(static_cast<http::Method>(method));
  return name.empty() ? observe::kOther : name;
}

// Out: an observe::Exposition, or what stands in its place.
template <class Out>
class Writer {
 public:
  Writer(const control::Running& running, Out out)
      : running_(running), snapshot_(*running.reloader.current().snapshot), out_(std::move(out)) {
    gather_requests();
    gather_servers();
    for (const auto& site : snapshot_.sites) {
      if (site->counts != nullptr) {
        sites_.push_back({labels({{"server", site->name}}), site.get(), site->counts->totals()});
      }
    }
    for (const auto& cluster : snapshot_.clusters) {
      clusters_.push_back(
          {labels({{"upstream", cluster->name}}), cluster.get(), cluster->counts->totals()});
    }
  }

  std::string run(const std::vector<Duration>& lags) {
    write_requests();
    write_connections();
    write_servers();
    write_upstreams();
    write_plugins();
    write_workers(lags);
    write_logs();
    write_tracing();
    write_config();
    write_troubles();
    write_process();
    return out_.finish();
  }

 private:
  struct Location {
    std::string labels;
    observe::RequestTotals totals;
  };

  struct SiteRow {
    std::string labels;
    const proxy::Site* site;
    observe::SiteTotals totals;
  };

  struct ClusterRow {
    std::string labels;
    const proxy::Cluster* cluster;
    observe::UpstreamTotals totals;
  };

  struct ServerRow {
    std::string labels;
    LiveUpstreams::ServerReport report;
  };

  // Those that had requests: of thousands of locations most have none yet.
  void gather_requests() {
    std::unordered_set<const observe::RequestCounts*> seen;
    const auto add = [&](const observe::RequestCounts* counts) {
      if (counts == nullptr || !seen.insert(counts).second) {
        return;
      }
      auto totals = counts->totals();
      if (!totals.answers.empty()) {
        locations_.push_back(
            {labels({{"server", counts->server()}, {"location", counts->location()}}),
             std::move(totals)});
      }
    };
    for (const auto& site : snapshot_.sites) {
      for (const auto& route : site->routes) {
        add(route->counts.get());
      }
      add(site->counts != nullptr ? site->counts->rest.get() : nullptr);
    }
  }

  // A name that several sources give is one row, that of the first.
  void gather_servers() {
    std::unordered_set<std::string> seen;
    for (auto& report : running_.upstreams.report()) {
      std::string text = labels({{"upstream", report.upstream}, {"server", report.server}});
      if (seen.insert(text).second) {
        servers_.push_back({std::move(text), std::move(report)});
      }
    }
  }

  template <class Rows, class Value>
  void each(const observe::Family& family, const Rows& rows, Value value) {
    out_.begin(family);
    for (const auto& row : rows) {
      out_.sample(row.labels, value(row));
    }
  }

  template <class Rows, class Value>
  void each_histogram(const observe::Family& family, const Rows& rows, Value value) {
    out_.begin(family);
    for (const auto& row : rows) {
      out_.histogram(row.labels, value(row));
    }
  }

  void write_requests() {
    out_.begin(families::kRequests);
    for (const Location& one : locations_) {
      for (const observe::AnswerTotals& answer : one.totals.answers) {
        const bool known = answer.status != 0;
        out_.sample(
            fmt::format("{},{}", one.labels,
                        labels({{"method", known ? method_label(answer.method) : observe::kOther},
                                {"status", known ? std::to_string(answer.status)
                                                 : std::string(observe::kOther)}})),
            answer.count);
      }
    }
    out_.begin(families::kDuration);
    for (const Location& one : locations_) {
      out_.histogram(one.labels, one.totals.duration, &one.totals.exemplars);
    }
    each(families::kRequestBytes, locations_,
         [](const Location& one) { return one.totals.request_bytes; });
    each(families::kResponseBytes, locations_,
         [](const Location& one) { return one.totals.response_bytes; });
    each(families::kInFlight, sites_, [](const SiteRow& row) {
      return row.totals.begun - std::min(row.totals.begun, row.totals.ended);
    });
    out_.begin(families::kErrors);
    const observe::Totals totals = running_.server.totals();
    for (size_t i = 1; i < totals.errors.size(); ++i) {
      out_.sample({}, {"reason", to_string(static_cast<ErrorCode>(i))}, totals.errors[i]);
    }
    write_terminations();
  }

  // Those that there were: 32 for each location are many.
  void write_terminations() {
    out_.begin(families::kTerminations);
    for (const Location& one : locations_) {
      for (size_t i = 0; i < exchange::kTerminations.size(); ++i) {
        if (const uint64_t count = one.totals.ends[i]; count > 0) {
          out_.sample(one.labels, {"termination", exchange::kTerminations[i]}, count);
        }
      }
    }
  }

  void write_connections() {
    out_.begin(families::kConnections);
    for (const auto& one : running_.server.connections_by_site()) {
      out_.sample(labels({{"server", one.site}}), uint64_t{one.count});
    }
    each(families::kAccepted, sites_, [](const SiteRow& row) { return row.totals.connections; });
    out_.begin(families::kHandshakes);
    for (const SiteRow& row : sites_) {
      for (size_t i = 0; row.site->tls != nullptr && i < observe::kTlsVersions.size(); ++i) {
        out_.sample(row.labels, {"version", observe::kTlsVersions[i]}, row.totals.handshakes[i]);
      }
    }
    std::vector<SiteRow> secure;
    std::ranges::copy_if(sites_, std::back_inserter(secure),
                         [](const SiteRow& row) { return row.site->tls != nullptr; });
    each(families::kResumptions, secure, [](const SiteRow& row) { return row.totals.resumptions; });
    each(families::kFailedHandshakes, secure,
         [](const SiteRow& row) { return row.totals.failed_handshakes; });
    each_histogram(families::kHandshakeTime, secure,
                   [](const SiteRow& row) { return row.totals.handshake_time; });
    each(families::kGlitches, sites_, [](const SiteRow& row) { return row.totals.glitches; });
    out_.begin(families::kNotAfter);
    std::unordered_set<std::string> seen;  // a certificate may be in the configuration twice
    for (const SiteRow& row : secure) {
      const auto context = row.site->tls->get();
      if (context == nullptr) {
        continue;  // its certificate cannot be used
      }
      for (const auto& shown : context->shown()) {
        std::string text =
            fmt::format("{},{}", row.labels,
                        labels({{"subject", shown.subject}, {"fingerprint", shown.fingerprint}}));
        if (seen.insert(text).second) {
          out_.sample(text, static_cast<double>(shown.not_after));
        }
      }
    }
  }

  void write_servers() {
    using Row = ServerRow;
    each(families::kTries, servers_, [](const Row& row) { return row.report.totals.requests; });
    each(families::kRetries, servers_, [](const Row& row) { return row.report.totals.retries; });
    write_answers();
    each(families::kTriesInFlight, servers_, [](const Row& row) {
      const upstream::ServerTotals& totals = row.report.totals;
      return totals.requests - std::min(totals.requests, totals.ended);
    });
    each(families::kHealth, servers_,
         [](const Row& row) { return flag(row.report.takes_requests()); });
    out_.begin(families::kState);
    for (const Row& row : servers_) {
      out_.sample(row.labels, {"state", row.report.state}, 1);
    }
    each(families::kWeight, servers_, [](const Row& row) { return uint64_t{row.report.weight}; });
    write_pools();
  }

  void write_answers() {
    constexpr std::array<std::string_view, 6> kClasses = {"_other", "1xx", "2xx",
                                                          "3xx",    "4xx", "5xx"};
    out_.begin(families::kAnswers);
    for (const ServerRow& row : servers_) {
      for (size_t i = 0; i < kClasses.size(); ++i) {
        if (const uint64_t count = row.report.totals.answers[i]; count > 0 || i >= 2) {
          out_.sample(row.labels, {"class", kClasses[i]}, count);
        }
      }
    }
    out_.begin(families::kFailedTries);
    for (const ServerRow& row : servers_) {
      const auto& errors = row.report.totals.errors;
      for (size_t i = 1; i < errors.size(); ++i) {
        if (errors[i] > 0) {
          out_.sample(row.labels, {"reason", to_string(static_cast<ErrorCode>(i))}, errors[i]);
        }
      }
    }
  }

  void write_pools() {
    constexpr std::array<std::string_view, upstream::kClosedReasons> kReasons = {
        "idle", "by_peer", "worn", "surplus", "drained", "broken"};
    each(families::kOpen, servers_, [](const ServerRow& row) {
      uint64_t open = row.report.totals.opened;
      for (const uint64_t closed : row.report.totals.closed) {
        open -= std::min(open, closed);
      }
      return open;
    });
    each(families::kOpened, servers_,
         [](const ServerRow& row) { return row.report.totals.opened; });
    out_.begin(families::kClosed);
    for (const ServerRow& row : servers_) {
      for (size_t i = 0; i < kReasons.size(); ++i) {
        if (const uint64_t count = row.report.totals.closed[i]; count > 0) {
          out_.sample(row.labels, {"reason", kReasons[i]}, count);
        }
      }
    }
    each(families::kReused, servers_,
         [](const ServerRow& row) { return row.report.totals.reused; });
    each(families::kIdle, servers_, [](const ServerRow& row) { return row.report.totals.idle; });
    write_server_handshakes();
  }

  // Of servers that TLS is spoken with.
  void write_server_handshakes() {
    std::vector<ServerRow> secure;
    std::ranges::copy_if(servers_, std::back_inserter(secure), [](const ServerRow& row) {
      const upstream::ServerTotals& totals = row.report.totals;
      return totals.handshakes.count() + totals.failed_handshakes > 0;
    });
    each(families::kServerHandshakes, secure,
         [](const ServerRow& row) { return row.report.totals.handshakes.count(); });
    each(families::kServerHandshakesFailed, secure,
         [](const ServerRow& row) { return row.report.totals.failed_handshakes; });
    each_histogram(families::kServerHandshakeTime, secure,
                   [](const ServerRow& row) { return row.report.totals.handshakes; });
  }

  void write_upstreams() {
    each(families::kBreaker, clusters_, [](const ClusterRow& row) {
      return flag(row.cluster->backends.state->breaker.state() == upstream::Breaker::State::open);
    });
    out_.begin(families::kBreakerState);
    for (const ClusterRow& row : clusters_) {
      out_.sample(row.labels,
                  {"state", upstream::to_string(row.cluster->backends.state->breaker.state())},
                  uint64_t{1});
    }
    out_.begin(families::kLeftOut);
    for (const auto& [upstream, servers] : running_.upstreams.left_out()) {
      out_.sample(labels({{"upstream", upstream}}), uint64_t{servers});
    }
    each(families::kQueued, clusters_, [](const ClusterRow& row) {
      return uint64_t{row.cluster->backends.state->pending.load(std::memory_order_relaxed)};
    });
    each_histogram(families::kQueueTime, clusters_,
                   [](const ClusterRow& row) { return row.totals.queued; });
    each_histogram(families::kConnectTime, clusters_,
                   [](const ClusterRow& row) { return row.totals.connect; });
    each_histogram(families::kFirstByte, clusters_,
                   [](const ClusterRow& row) { return row.totals.first_byte; });
    each_histogram(families::kTryTime, clusters_,
                   [](const ClusterRow& row) { return row.totals.tries; });
  }

  void write_plugins() {
    out_.begin(families::kPluginRejected);
    for (const auto& instance : snapshot_.plugins) {
      const observe::PluginTotals totals = instance->counts->totals();
      for (size_t i = 1; i < totals.size(); ++i) {
        if (totals[i] > 0) {
          out_.sample(labels({{"plugin", instance->source.name}, {"type", instance->kind->type}}),
                      {"reason", to_string(static_cast<ErrorCode>(i))}, totals[i]);
        }
      }
    }
    out_.begin(families::kPluginLeftOut);
    for (const auto& instance : snapshot_.plugins) {
      for (const auto& [reason, times] : instance->plugin->left_out()) {
        out_.sample(labels({{"plugin", instance->source.name}}), {"reason", reason}, times);
      }
    }
  }

  void write_workers(const std::vector<Duration>& lags) {
    const auto label = [](size_t index) { return fmt::format("worker=\"{}\"", index); };
    out_.begin(families::kWorkerConnections);
    const auto connections = running_.server.connections_by_worker();
    for (size_t i = 0; i < connections.size(); ++i) {
      out_.sample(label(i), uint64_t{connections[i]});
    }
    out_.begin(families::kLag);
    for (size_t i = 0; i < lags.size(); ++i) {
      out_.sample(label(i), seconds(lags[i]));
    }
  }

  template <class Value>
  void one(const observe::Family& family, Value value) {
    out_.begin(family);
    out_.sample({}, value);
  }

  void write_logs() {
    const observe::LogTotals totals = running_.server.log_totals();
    one(families::kLogDropped, totals.dropped + log::dropped());
    one(families::kLogErrors, totals.errors);
    one(families::kLogBytes, totals.bytes);
  }

  void write_tracing() {
    if (snapshot_.tracer == nullptr) {
      return;
    }
    const trace::SpanTotals totals = snapshot_.tracer->rings().totals();
    one(families::kSpansSent, totals.sent);
    out_.begin(families::kSpansDropped);
    out_.sample({}, {"reason", "queue_full"}, totals.queue_full);
    out_.sample({}, {"reason", "unsent"}, totals.unsent);
    out_.sample({}, {"reason", "rejected"}, totals.rejected);
  }

  void write_config() {
    const auto& status = running_.reloader.status();
    one(families::kRevision, status.revision);
    out_.begin(families::kReloads);
    out_.sample({}, {"result", "taken"}, status.taken);
    out_.sample({}, {"result", "refused"}, status.refused);
    one(families::kLastReload, flag(status.last_taken));
    one(families::kLoadedAt, seconds_since_1970(status.loaded_at));
    one(families::kRefusedAt, seconds_since_1970(status.refused_at));
  }

  // Several troubles of one name are one row.
  void write_troubles() {
    std::map<std::string, uint64_t> counts;
    for (const control::TroubleReport& found : control::troubles(running_.upstreams)) {
      ++counts[labels({{"part", found.part}, {"name", found.name}})];
    }
    out_.begin(families::kDegraded);
    for (const auto& [text, count] : counts) {
      out_.sample(text, count);
    }
  }

  void write_process() {
    out_.begin(families::kBuild);
    out_.sample(labels({{"version", running_.build.version}, {"commit", running_.build.commit}}),
                uint64_t{1});
    const control::ProcessStats stats = control::read_process_stats();
    one(families::kCpu, stats.cpu_seconds);
    one(families::kResident, stats.resident_bytes);
    one(families::kVirtual, stats.virtual_bytes);
    one(families::kFds, stats.open_fds);
    one(families::kMaxFds, stats.max_fds);
    one(families::kThreads, stats.threads);
    one(families::kStarted, stats.started);
  }

  const control::Running& running_;
  const proxy::Snapshot& snapshot_;
  Out out_;
  std::vector<Location> locations_;
  std::vector<SiteRow> sites_;
  std::vector<ClusterRow> clusters_;
  std::vector<ServerRow> servers_;
};

}  // namespace

std::string metrics_text(const control::Running& running, const std::vector<Duration>& lags,
                         observe::Form form) {
  return Writer(running, Exposition(form)).run(lags);
}

std::string metrics_otlp(const control::Running& running, const std::vector<Duration>& lags) {
  const auto started = std::chrono::duration<double>(control::read_process_stats().started);
  const WallTime since(std::chrono::duration_cast<WallTime::duration>(started));
  return Writer(running, OtlpMetrics(since, wall_now())).run(lags);
}

}  // namespace pingap::admin

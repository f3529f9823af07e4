// The running form of a configuration: immutable, built whole by the control thread, shared by all
// workers. `pingap validate` builds exactly this.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/ip.h"
#include "base/status_set.h"
#include "config/diagnostics.h"
#include "config/model.h"
#include "exchange/secrets.h"
#include "exchange/variables.h"
#include "http/header_id.h"
#include "http/uri.h"
#include "net/address.h"
#include "net/proxy_protocol.h"
#include "observe/site_counts.h"
#include "observe/upstream_counts.h"
#include "plugin/chain.h"
#include "proxy/certificate_files.h"
#include "proxy/error_page.h"
#include "proxy/log_settings.h"
#include "proxy/request_log.h"
#include "proxy/upstream_tls.h"
#include "route/rewrite.h"
#include "route/router.h"
#include "session/session.h"
#include "tls/live.h"
#include "tls/server_context.h"
#include "tls/ticket_keys.h"
#include "trace/tracer.h"
#include "upstream/backends.h"
#include "upstream/balancer/hash_key.h"
#include "upstream/endpoint_set.h"
#include "upstream/health/settings.h"
#include "upstream/retry_policy.h"
#include "upstream/state/known_servers.h"

namespace pingap::proxy {

inline constexpr Duration kTunnelTimeout = std::chrono::hours(1);

// A cookie of ours by which a client comes back to its server.
struct StickyCookie {
  std::string cookie;        // its name
  std::string before;        // "NAME=", before the token
  std::string after;         // the attributes
  std::string after_secure;  // those over TLS
};

// [upstreams.NAME]. The same one in the next snapshot where nothing has changed about it, and with
// it all that belongs to it: connections, who its servers are, how they do.
struct Cluster {
  std::string name;
  size_t index = 0;                  // no other one has it, in no snapshot
  config::Upstream source;           // what it was made of
  std::shared_ptr<UpstreamTls> tls;  // of the files that it names
  upstream::Balancing balancing;
  std::optional<StickyCookie> sticky;
  std::shared_ptr<upstream::KnownServers> known;         // those of before, too
  std::shared_ptr<const upstream::EndpointSet> servers;  // that are written down
  config::Discovery discovery;                           // of others
  uint16_t default_port = 80;                            // of addresses without one
  std::optional<upstream::HealthSettings> health;        // where they are checked
  std::optional<upstream::balancer::HashKey> hash_key;   // where the algorithm hashes
  session::ClientSettings settings;
  std::optional<net::ProxyVersion> send_proxy;  // the header that starts each connection
  upstream::BackendsSettings backends;
  bool looks_at_requests = false;  // to choose a server: hash_key, sticky
  StatusSet failure_statuses;      // answers that count as failures of the server
  std::shared_ptr<observe::UpstreamCounts> counts;
};

struct HeaderRule {
  std::string name;
  http::HeaderId id = http::HeaderId::other;
  exchange::Template value;  // unused by a removal
};

struct Route {  // [locations.NAME] on one server
  std::string name;
  std::string pattern;  // its path as configured: what spans are named by

  // An upstream that a plugin may send a request to instead, with the location's timeouts.
  struct Other {
    const Cluster* cluster;
    session::ClientSettings settings;
  };

  // Null: it is not one that a plugin of this location has named.
  const Other* find_other(std::string_view upstream) const noexcept {
    for (const Other& one : others) {
      if (one.cluster->name == upstream) {
        return &one;
      }
    }
    return nullptr;
  }

  const Cluster* cluster = nullptr;  // null: its plugins answer
  session::ClientSettings settings;  // the cluster's, with the location's timeouts
  Duration timeout{};                // of a whole exchange; 0 = none
  upstream::RetryPolicy retry;
  std::optional<route::Rewrite> rewrite;
  std::vector<HeaderRule> response_remove, response_set, response_add;
  std::vector<HeaderRule> request_remove, request_set, request_add;
  const HeaderRule* host_rule = nullptr;  // the one of request_set that is Host
  uint64_t max_body = 0;
  bool buffer_request = false;
  bool buffer_response = false;
  bool pass_trailers = false;
  bool websocket = true;
  std::vector<std::string> ws_origins;  // as in config::Location
  bool grpc_web = false;
  plugin::Chain plugins;
  std::vector<Other> others;
  std::shared_ptr<observe::RequestCounts> counts;  // null = nothing is counted
  const RequestLog* log = nullptr;                 // null = off
  const exchange::SecretName* redacted = nullptr;  // of the site's; what logs and traces hide
};

struct Site {  // [servers.NAME]
  std::string name;
  std::vector<std::string> addrs;
  session::ServerSettings settings;
  http::UriOptions uri;
  config::Underscores underscores = config::Underscores::drop;
  std::string via;           // what stands for us in Via; empty = no Via
  std::string proxy_status;  // the same in Proxy-Status
  uint32_t max_connections = 0;
  std::unique_ptr<tls::LiveServer> tls;  // null = plain; without a context nobody is served
  CertificateFiles certificate_files;    // as they were before they were read
  NetworkSet trusted;
  NetworkSet proxies;  // whose connections start with a header of the PROXY protocol
  std::optional<route::Router> router;            // always there once built
  std::vector<std::unique_ptr<Route>> routes;     // by the router's index
  std::vector<std::unique_ptr<RequestLog>> logs;  // of it and its routes
  const RequestLog* log = nullptr;                // of what no route takes; null = off
  std::deque<exchange::Redaction> redactions;     // the same for what logs and traces hide
  const exchange::SecretName* redacted = nullptr;
  plugin::Chain plugins;                        // before the route is looked for
  std::shared_ptr<observe::SiteCounts> counts;  // null = nothing is counted
  trace::Tracer* tracer = nullptr;              // the snapshot's; null = no traces
};

// What a config::Collector names, in PEM; empty = none.
struct CollectorPems {
  std::string ca;
  std::string cert;
  std::string key;
};

// [tracing] for who sends what workers leave. The same one in the next snapshot where nothing has
// changed about it.
struct Tracing {
  config::Tracing settings;
  std::string files_state;  // the files that it names, as they were
  CollectorPems pems;
};

struct Snapshot {
  config::Basic basic;
  LogSettings logging;
  uint32_t workers = 1;
  std::shared_ptr<tls::TicketKeys> ticket_keys;  // where anybody has TLS
  std::unique_ptr<tls::LiveServer> metrics_tls;  // of the address of [metrics], as Site::tls
  CollectorPems metrics_pems;                    // of the collector they are sent to
  std::string gateway_ca;                        // of the Pushgateway, in PEM; empty = the system's
  CertificateFiles metrics_files;                // of it, as they were before they were read
  std::vector<std::shared_ptr<const Cluster>> clusters;
  size_t cluster_slots = 0;  // above every Cluster::index that there was in the process
  std::vector<std::unique_ptr<Site>> sites;
  std::vector<std::shared_ptr<const plugin::Instance>> plugins;
  ErrorPages error_pages;

  // Null where there is none of that name.
  const Cluster* find_cluster(std::string_view name) const noexcept {
    const auto found = cluster_names.find(name);
    return found == cluster_names.end() ? nullptr : found->second;
  }

  std::unordered_map<std::string_view, const Cluster*> cluster_names;
  std::shared_ptr<trace::Tracer> tracer;   // null = no traces
  std::shared_ptr<const Tracing> tracing;  // where they go, the same
};

// What is done about servers that are to be found while the snapshot is in use.
enum class Finding : uint8_t {
  later,    // nothing: a dead resolver must not stop a start
  healing,  // nothing; likewise files of certificates that cannot be used only keep their own
            // servers and upstreams from serving, until they can be
  tried,    // what cannot be found now is a warning; blocks
};

// Builds all of it; what is wrong goes to `diagnostics` (then the result must not be used). Blocks
// on the resolver for names that are looked up once, and are not in `names`. `before` is what is to
// be replaced: what has not changed is taken from it, and what must not be lost.
std::shared_ptr<const Snapshot> build_snapshot(const config::Model& model,
                                               config::Diagnostics& diagnostics,
                                               Finding finding = Finding::tried,
                                               const Snapshot* before = nullptr,
                                               const net::NamedAddresses* names = nullptr);

// The names ("host:port") that build_snapshot() would wait for the resolver with.
std::vector<std::string> names_to_look_up(const config::Model& model, const Snapshot* before);

}  // namespace pingap::proxy

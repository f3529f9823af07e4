// The running form of a configuration: immutable, built whole by the control thread, shared by all
// workers. `pingap validate` builds exactly this.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ip.h"
#include "config/diagnostics.h"
#include "config/model.h"
#include "exchange/access_log.h"
#include "exchange/variables.h"
#include "http/header_id.h"
#include "http/uri.h"
#include "net/proxy_protocol.h"
#include "proxy/error_page.h"
#include "proxy/live_tls.h"
#include "route/rewrite.h"
#include "route/router.h"
#include "session/session.h"
#include "upstream/balancer/balancer.h"
#include "upstream/balancer/hash_key.h"
#include "upstream/endpoint.h"
#include "upstream/pool.h"

namespace pingap::proxy {

struct Cluster {  // [upstreams.NAME]
  std::string name;
  size_t index = 0;
  std::vector<upstream::Endpoint> endpoints;
  upstream::balancer::Plan plan;
  std::optional<upstream::balancer::HashKey> hash_key;  // where the algorithm hashes
  session::ClientSettings settings;
  std::optional<net::ProxyVersion> send_proxy;  // the header that starts each connection
  upstream::PoolSettings pool;
  bool counts_active = false;  // the algorithm or the limit needs EndpointState::active
};

struct HeaderRule {
  std::string name;
  http::HeaderId id = http::HeaderId::other;
  exchange::Template value;  // unused by a removal
};

struct Route {  // [locations.NAME] on one server
  std::string name;
  const Cluster* cluster = nullptr;
  session::ClientSettings settings;  // the cluster's, with the location's timeouts
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
};

struct Site {  // [servers.NAME]
  std::string name;
  std::vector<std::string> addrs;
  session::ServerSettings settings;
  http::UriOptions uri;
  config::Underscores underscores = config::Underscores::drop;
  std::string via;  // what stands for us in Via; empty = no Via
  uint32_t max_connections = 0;
  std::unique_ptr<LiveTls> tls;  // null = plain
  NetworkSet trusted;
  NetworkSet proxies;  // whose connections start with a header of the PROXY protocol
  std::optional<route::Router> router;                  // always there once built
  std::vector<std::unique_ptr<Route>> routes;           // by the router's index
  std::optional<exchange::AccessLogFormat> access_log;  // where there is a path
  std::string access_log_path;                          // empty = off
};

struct Snapshot {
  config::Basic basic;
  std::unique_ptr<tls::TicketKeys> ticket_keys;  // where a site has TLS
  std::vector<std::unique_ptr<Cluster>> clusters;
  std::vector<std::unique_ptr<Site>> sites;
  ErrorPages error_pages;
};

// Builds all of it; what is wrong goes to `diagnostics` (then the result must not be used).
// Blocks on name resolution.
std::shared_ptr<const Snapshot> build_snapshot(const config::Model& model,
                                               config::Diagnostics& diagnostics);

}  // namespace pingap::proxy

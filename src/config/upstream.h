// [upstreams.NAME] as plain values: servers, where they come from, how they are chosen, checked,
// spared and reached. Part of the model (config/model.h), with what locations and servers share
// with it. Keys and defaults: docs/configuration.md, docs/upstreams.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status_set.h"
#include "config/diagnostics.h"
#include "config/value.h"

namespace pingap::config {

using std::chrono::milliseconds;

struct Server {               // one backend of an upstream
  Located<std::string> addr;  // "host:port", "[::1]:80", "unix:/path"
  uint32_t weight = 1;        // 0 = takes nothing new; never 0 for all servers
  uint32_t priority = 0;      // used when all of lower ones are out

  bool operator==(const Server&) const = default;
};

enum class Algorithm : uint8_t {
  round_robin,
  weighted_round_robin,
  least_conn,
  ip_hash,
  random,  // random two choices
  hash,    // on hash_key
};
enum class SendProxy : uint8_t { off, v1, v2 };
enum class HashSource : uint8_t { ip, header, cookie, query, path, url };

// What backends speak.
enum class Protocol : uint8_t {
  http1,
  h2c,  // HTTP/2 without TLS, by prior knowledge
};

// A certificate with its key: path, PEM text or base64 of PEM, each.
struct CertificatePair {
  Located<std::string> cert;
  Located<std::string> key;
  std::string password;       // of an encrypted key: secret
  bool key_readable = false;  // the key's file may be readable for everybody

  bool operator==(const CertificatePair&) const = default;
};

struct Sticky {         // a cookie by which clients come back to their server
  std::string cookie;   // its name; empty = none
  std::string secret;   // empty = made at each start
  milliseconds ttl{0};  // 0 = until the browser is closed

  bool operator==(const Sticky&) const = default;
};

enum class BreakerScope : uint8_t { server, upstream, both };

// When a server is left out for a while, and how it comes back. 0 = that reason is off.
struct Breaker {
  uint32_t max_fails = 3;             // in a row without an answer
  uint32_t max_ejected_percent = 80;  // of the servers, for any of these reasons
  uint32_t max_failures = 0;          // in a row, bad answers included
  uint32_t max_percent = 0;           // of the requests of the window
  uint32_t min_requests = 10;         // in the window, for the percentage
  milliseconds window{60'000};
  BreakerScope scope = BreakerScope::server;  // of the limits on failures
  milliseconds open{10'000};                  // the first time; each time in a row twice as long
  uint32_t successes = 0;  // to come back; 0 = one, or five where bad answers count
  StatusSet statuses;      // that are bad answers

  bool operator==(const Breaker&) const = default;
};

enum class HealthKind : uint8_t { tcp, http, grpc };

// A header to write; the value may hold variables ("$remote_addr").
struct HeaderEdit {
  std::string name;
  std::string value;
  Position at;

  bool operator==(const HeaderEdit&) const = default;
};

struct Health {  // how each server of an upstream is checked
  Position at;
  HealthKind kind = HealthKind::http;
  bool tls = false;
  std::string host;  // that is asked for; empty = the server's own
  std::string path = "/";
  std::string method = "GET";
  std::vector<HeaderEdit> headers;
  StatusSet statuses;   // that are well
  std::string body;     // that the answer must hold
  std::string service;  // of gRPC
  milliseconds interval{10'000};
  milliseconds timeout{3'000};      // of a whole check
  milliseconds connect_timeout{0};  // 0 = the timeout
  uint32_t jitter_percent = 10;     // of the interval
  uint32_t rise = 1;                // passed in a row, to be in again
  uint32_t fall = 2;                // failed in a row, to be out
  bool reuse = true;                // of its connections

  bool operator==(const Health&) const = default;
};

enum class Alpn : uint8_t { h1, h2, either };

struct UpstreamTls {  // to the servers of an upstream
  bool on = false;    // also with a sni
  Position on_at;
  Located<std::string> sni;  // "$host" = the request's; empty = the server's own name
  bool verify = true;
  Located<std::string> verify_name;  // that the certificate must have; empty = the one of SNI
  Located<std::string> ca;           // empty = the system's authorities
  CertificatePair pair;              // shown when asked for
  Alpn alpn = Alpn::h1;
  Position alpn_at;

  bool operator==(const UpstreamTls&) const = default;
};

// What becomes of the names in an upstream's addrs, and where else its servers come from.
enum class DiscoveryKind : uint8_t {
  dns,     // names are looked up again and again
  once,    // names are looked up at the start: discovery = "static"
  file,    // a file lists servers; names as with dns
  docker,  // containers with a label
  etcd,    // keys of etcd; names as with dns
};

// Whether servers come from a list, which stands in for `addrs` and has weights of its own.
constexpr bool is_listed(DiscoveryKind kind) noexcept {
  return kind == DiscoveryKind::file || kind == DiscoveryKind::etcd;
}

// Servers that are found by a name.
struct Sought {
  enum class By : uint8_t { address, service, label };

  By by = By::address;
  Located<std::string> name;  // a host's, a service's (SRV) or "KEY" or "KEY=VALUE"
  uint16_t port = 0;          // 0 for a service; for a label: the only one a container has
  uint32_t weight = 1;        // 0 as in Server; a service has its own
  uint32_t priority = 0;      // as in Server; what a service says comes on top

  bool operator==(const Sought&) const = default;
};

struct Discovery {
  DiscoveryKind kind = DiscoveryKind::dns;
  std::vector<Sought> sought;
  Located<std::string> file;
  Located<std::string> etcd;  // URL, with secrets
  std::string docker_socket = "/var/run/docker.sock";
  std::vector<Located<std::string>> allow;        // IP or CIDR, of servers that names lead to
  std::vector<Located<std::string>> dns_servers;  // "IP:PORT"; empty = the system's
  std::vector<Located<std::string>> dns_search;   // domains; empty = the system's
  milliseconds update_frequency{0};               // at least so often; 0 = as answers say
  bool ipv4_only = false;

  bool operator==(const Discovery&) const = default;
};

// By size, as there are many: longer members first.
struct Upstream {
  std::string name;
  std::vector<Server> servers;  // those that are written down
  Discovery discovery;          // of others; never is there neither
  UpstreamTls tls;
  std::optional<Health> health;  // none: only requests tell how a server is
  Breaker breaker;
  Sticky sticky;
  std::string hash_name;  // of the header, cookie or query parameter
  milliseconds connection_timeout{5'000};
  milliseconds read_timeout{60'000};
  milliseconds write_timeout{60'000};
  milliseconds idle_timeout{30'000};
  milliseconds max_connection_age{0};  // of one that is to be used again; 0 = no limit
  milliseconds slow_start{0};          // until a newcomer has its whole share
  milliseconds queue_timeout{0};       // for a server with room; 0 = nobody waits
  uint32_t max_pending = 1024;         // requests that wait
  uint32_t keepalive_pool_size = 64;   // idle connections kept, per server and worker
  uint32_t keepalive_pool_min = 0;     // idle connections made in advance, the same
  uint32_t keepalive_requests = 0;     // in the life of a connection; 0 = no limit
  uint32_t max_streams = 100;          // requests at once on a connection of HTTP/2
  uint32_t max_connections = 0;        // per server, all workers; 0 = no limit
  uint32_t hash_balance_factor = 0;    // percent of its share that a server may have; 0 = any
  uint32_t retry_percent = 20;         // tries at once that are repeated ones, per worker
  uint32_t retry_least = 3;            // so many at least
  Position at;
  Algorithm algorithm = Algorithm::round_robin;
  HashSource hash_source = HashSource::ip;
  Protocol protocol = Protocol::http1;
  // A header of the PROXY protocol in front of each connection; then none is kept.
  SendProxy send_proxy_protocol = SendProxy::off;

  bool operator==(const Upstream&) const = default;
};

}  // namespace pingap::config

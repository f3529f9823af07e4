// The configuration as plain values: what the TOML says, checked for form and references, with
// defaults filled in. proxy::Snapshot is built from it. Control thread; immutable afterwards.
// Keys and defaults: docs/configuration.md. Spelling: shared spec first, the original's as alias.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/status_set.h"
#include "config/diagnostics.h"
#include "config/tracing.h"
#include "config/upstream.h"
#include "config/value.h"

namespace pingap::config {

struct Basic {
  std::string name = "pingap";
  uint32_t threads = 0;  // 0 = one per core the process may use
  milliseconds grace_period{30'000};
  Located<std::string> pid_file;        // empty = none
  Located<std::string> upgrade_sock;    // of commands and upgrades; empty = by default, or "off"
  bool auto_reload = false;             // when a file of the configuration changes
  milliseconds guard_window{0};         // how long a new one is watched; 0 = not at all
  uint32_t guard_max_errors = 10;       // percent of answers with 5xx more than before
  Located<std::string> user;            // empty = stay
  Located<std::string> group;           // empty = the user's
  Located<std::string> error_template;  // path of a template, empty = built in
  LogLevel log_level = LogLevel::info;
  uint64_t buffer_budget = 64 << 20;  // bytes that buffering locations may hold in memory, in all
  uint32_t history = 100;             // configurations that were in use and are kept; 0 = none

  bool operator==(const Basic&) const = default;
};

// In the order of the schema's names.
enum class RotateEvery : uint8_t { never, hour, day };

struct Logging {                  // [logging]
  Located<std::string> output;    // empty = stderr; checked by proxy/log_settings
  Located<std::string> facility;  // of syslog; empty = daemon
  log::Format format = log::Format::text;
  std::vector<std::pair<log::Component, LogLevel>> levels;  // beside basic.log_level
  uint64_t rotate_size = 0;                                 // bytes; 0 = not by size
  RotateEvery rotate_every = RotateEvery::never;
  uint32_t rotate_keep = 14;       // old files; 0 = all
  milliseconds rotate_max_age{0};  // 0 = any
  bool rotate_compress = false;

  bool operator==(const Logging&) const = default;
};

// Of a server or a location; what a location leaves out is its server's.
struct AccessLog {
  Located<std::string> to;      // "" or "off" = none; path, "stdout", "stderr" or "PATH FORMAT"
  Located<std::string> format;  // of a name, or with tags
  std::optional<StatusSet> statuses;
  std::optional<milliseconds> min_duration;
  std::optional<uint32_t> sample;  // of what neither of these keeps one in so many; 0 = none
  std::optional<std::vector<std::string>> redact;

  bool operator==(const AccessLog&) const = default;
};

// Timeouts of a server or location; unset ones fall through to the next wider scope.
struct Timeouts {
  std::optional<milliseconds> connect;  // connection_timeout
  std::optional<milliseconds> read;     // read_timeout: to the response head, then between reads
  std::optional<milliseconds> write;    // write_timeout: without progress
  std::optional<milliseconds> tunnel;   // tunnel_timeout: idle
  std::optional<milliseconds> total;    // request_timeout: to the end of the answer; 0 = none

  bool operator==(const Timeouts&) const = default;
};

enum class PathType : uint8_t { any, exact, prefix, regex };

// When a request is sent again.
struct Retries {
  std::optional<uint32_t> most;  // max_retries
  milliseconds window{0};        // since the request; 0 = no limit
  milliseconds hedge_after{0};   // without an answer's head: a second try beside it; 0 = none
  milliseconds per_try{0};       // to the answer's head; 0 = read_timeout
  bool connect = true;           // no connection
  bool reset = true;             // broken before the answer
  bool timeout = false;          // no answer in time
  bool bad_response = true;      // none that can be understood
  StatusSet statuses;
  bool any_method = false;

  bool operator==(const Retries&) const = default;
};

// "name:value" (equal) or "name" (present).
struct FieldMatch {
  std::string name;
  std::optional<std::string> value;
  Position at;

  bool operator==(const FieldMatch&) const = default;
};

// What stands in ws_allowed_origins for handshakes without an Origin: those of no browser.
inline constexpr std::string_view kMissingOrigin = "missing";

// Which requests a plugin is for. An empty list leaves nobody out.
struct Condition {
  std::vector<Located<std::string>> paths;  // "/prefix", "= /exact" or "~ regex"
  std::vector<std::string> methods;         // upper case
  std::vector<FieldMatch> match_headers;
  std::vector<Located<std::string>> remote;  // IP or CIDR, of the client

  bool operator==(const Condition&) const = default;
};

// For whom a plugin runs: who is meant by `when` and not by `unless`.
struct Conditions {
  std::optional<Condition> when;
  std::optional<Condition> unless;

  bool operator==(const Conditions&) const = default;
};

struct Plugin {  // [plugins.NAME]
  std::string name;
  Position at;
  Located<std::string> type;
  int32_t priority = 0;   // in its phase; the higher one runs first
  Conditions conditions;  // of all its uses
  Value options;          // a table with its other keys: what they mean is the type's business

  bool operator==(const Plugin& other) const;
};

struct PluginUse {  // an item of `plugins`
  Located<std::string> name;
  Conditions conditions;

  bool operator==(const PluginUse&) const = default;
};

struct Location {
  std::string name;
  Position at;
  Located<std::string> upstream;            // name of an upstream, checked; empty = plugins answer
  std::vector<Located<std::string>> hosts;  // "a.com", "*.a.com", "~regex"; empty = any
  Located<std::string> path;                // without the prefix sign of the alias spelling
  PathType path_type = PathType::any;
  int32_t priority = 0;
  std::vector<std::string> methods;  // empty = any; upper case
  std::vector<FieldMatch> match_headers;
  std::vector<FieldMatch> match_query;
  std::vector<FieldMatch> match_cookies;
  Located<std::string> rewrite;  // "/" or "REGEX REPLACEMENT"; empty = none
  // To the client.
  std::vector<HeaderEdit> headers_add;
  std::vector<Located<std::string>> headers_remove;
  std::vector<HeaderEdit> headers_set;
  // To the backend.
  std::vector<HeaderEdit> proxy_set_headers;
  std::vector<HeaderEdit> proxy_add_headers;
  std::vector<Located<std::string>> proxy_remove_headers;
  uint64_t client_max_body_size = 0;  // bytes, 0 = no limit
  bool request_buffering = false;
  bool response_buffering = false;
  bool pass_trailers = false;  // trailers = "pass" (security.md rule T)
  bool websocket = true;
  // Of WebSocket handshakes; lower case, kMissingOrigin for none; empty = any.
  std::vector<std::string> ws_allowed_origins;
  Located<bool> grpc_web;  // calls of gRPC-web go to the backend as gRPC
  Timeouts timeouts;
  Retries retries;
  std::vector<PluginUse> plugins;
  AccessLog access_log;

  bool operator==(const Location&) const = default;
};

struct CertificateEntry {  // [certificates.NAME]
  std::string name;
  Position at;
  CertificatePair pair;
  std::vector<Located<std::string>> domains;  // empty = those of its SAN
  bool is_default = false;

  bool operator==(const CertificateEntry&) const = default;
};

enum class TlsVersion : uint8_t { tls12, tls13 };
enum class ClientAuth : uint8_t { off, optional, required };

struct ServerTls {  // of a server; on with a certificate of its own or those of the store
  CertificatePair pair;
  bool store = false;  // global_certificates
  TlsVersion min_version = TlsVersion::tls12;
  TlsVersion max_version = TlsVersion::tls13;
  Located<std::string> ciphers;
  Located<std::string> ciphersuites;
  Located<std::string> curves;
  Located<std::string> client_ca;
  ClientAuth client_auth = ClientAuth::required;  // where there is a client_ca
  bool h2 = true;

  bool on() const noexcept { return store || !pair.cert.value.empty(); }

  bool operator==(const ServerTls&) const = default;
};

enum class Underscores : uint8_t { drop, reject, keep };

struct Listener {  // [servers.NAME]
  std::string name;
  Position at;
  std::vector<Located<std::string>> addrs;      // "0.0.0.0:80", "[::]:80", "unix:/path"
  std::vector<Located<std::string>> locations;  // names, checked
  AccessLog access_log;
  std::vector<Located<std::string>> trusted_proxies;      // IP or CIDR
  std::vector<Located<std::string>> proxy_protocol_from;  // IP or CIDR
  milliseconds header_timeout{15'000};                    // accept to full head
  milliseconds keepalive_timeout{75'000};                 // idle between requests
  milliseconds body_timeout{60'000};                      // without a byte of an announced body
  milliseconds write_timeout{60'000};                     // client takes less than 1 KiB
  uint32_t min_body_rate = 500;                           // bytes/s over 30 s of upload; 0 = off
  uint32_t keepalive_requests = 10'000;                   // per connection; 0 = no limit
  uint32_t max_connections = 0;                           // 0 = from the descriptor limit
  uint32_t max_header_size = 32 * 1024;                   // bytes of a request head
  uint32_t max_headers = 128;                             // fields
  Underscores underscores_in_headers = Underscores::drop;
  bool merge_slashes = true;
  bool encoded_slash = false;  // false = refuse %2f and %5c in the path
  bool via = false;
  bool proxy_status = false;
  ServerTls tls;
  std::vector<PluginUse> plugins;  // before the location is looked for

  bool operator==(const Listener&) const = default;
};

// Entry names to their place in the list; found by string_view without a copy.
struct NameHash {
  using is_transparent = void;

  size_t operator()(std::string_view name) const noexcept {
    return std::hash<std::string_view>{}(name);
  }
};

using NameIndex = std::unordered_map<std::string, size_t, NameHash, std::equal_to<>>;

struct PushGateway {  // push_... of [metrics]
  // "http://HOST[:PORT][/PATH]" with `$HOSTNAME` for the name of this host; empty = none. Without a
  // path that of the job "pingap" on this host.
  Located<std::string> url;
  Located<std::string> user;  // with a password: who we are to it
  std::string password;       // secret
  milliseconds interval{60'000};
  Located<std::string> ca;  // path or PEM; empty = the system's authorities

  bool operator==(const PushGateway&) const = default;
};

struct Metrics {  // [metrics]
  Position at;
  bool present = false;  // there is such a section
  bool enabled = true;
  Located<std::string> addr{"127.0.0.1:9090", {}};
  std::string path = "/metrics";
  Located<std::string> user;  // with a password: who may read them; empty = see token
  std::string password;       // secret
  std::string token;          // secret: who shows it may read them, too; empty = none
  ServerTls tls;              // with a certificate of its own, or none

  Collector collector;  // otlp_...; without an endpoint they go to nobody
  milliseconds otlp_interval{60'000};
  PushGateway gateway;

  Metrics() { tls.h2 = false; }  // they are served by HTTP/1.1 only

  bool on() const noexcept { return present && enabled; }

  bool guarded() const noexcept { return !user.value.empty() || !token.empty(); }

  bool operator==(const Metrics&) const = default;
};

struct Model {
  Basic basic;
  Metrics metrics;
  Logging logging;
  Tracing tracing;
  std::vector<Upstream> upstreams;
  std::vector<Location> locations;
  std::vector<Listener> servers;
  std::vector<CertificateEntry> certificates;
  std::vector<Plugin> plugins;
  // Made by build_index(), so that 10,000 locations are found fast; without it the lists are
  // searched.
  NameIndex upstream_index;
  NameIndex location_index;

  void build_index();

  const Upstream* find_upstream(std::string_view name) const noexcept;
  const Location* find_location(std::string_view name) const noexcept;
};

}  // namespace pingap::config

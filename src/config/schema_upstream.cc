// [upstreams.NAME]: a group of backends.
#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/schema.h"
#include "config/suggest.h"
#include "config/syntax.h"

namespace pingap::config {
namespace {

constexpr Range kCounts{0, 1'000'000};
// What the word of a breaker has room for (upstream/state/breaker.h).
constexpr Range kFailures{0, 500};
constexpr Range kFails{0, 100};
constexpr Range kSuccesses{1, 500};
constexpr Range kThreshold{1, 1'000'000};
constexpr Range kPercent{0, 100};
constexpr Range kWarm{0, 1000};
constexpr Range kBalance{0, 10'000};
constexpr Range kPending{1, 1'000'000};
constexpr Range kPriorities{0, 3};
// More than a stream id can count in a life is no limit.
constexpr Range kStreams{1, 10'000};
// In the order of Algorithm.
constexpr std::array<std::string_view, 6> kAlgorithms = {
    "round_robin", "weighted_round_robin", "least_conn", "ip_hash", "random", "hash"};

// In the order of SendProxy, behind `off`.
constexpr std::array<std::string_view, 2> kProxyVersions = {"v1", "v2"};
// In the order of Protocol.
constexpr std::array<std::string_view, 2> kProtocols = {"http1", "h2c"};

// In the order of BreakerScope.
constexpr std::array<std::string_view, 3> kScopes = {"server", "upstream", "both"};

// In the order of Alpn; the original has another name for the last.
constexpr std::array<std::string_view, 3> kAlpn = {"h1", "h2", "auto"};

void read_algorithm(Reader& reader, const Field& field, UpstreamDraft& out) {
  if (field.value.kind == ValueKind::string && field.value.text.starts_with("hash:")) {
    // The original's spelling of algorithm and hash_key in one.
    out.upstream.algorithm = Algorithm::hash;
    out.algorithm_at = field.value.at;
    if (given(out.hash_key.at)) {
      reader.error(field.value.at, {"what to hash on is said twice", {}, "write \"hash\" here"});
      return;
    }
    out.hash_key = {field.value.text.substr(5), field.value.at};
    return;
  }
  if (const auto found = reader.choice(field, kAlgorithms)) {
    out.upstream.algorithm = static_cast<Algorithm>(*found);
    out.algorithm_at = field.value.at;
  }
}

void read_weights(Reader& reader, const Field& field, UpstreamDraft& out) {
  if (field.value.kind != ValueKind::array) {
    reader.wrong_type(field, "a list of integers");
    return;
  }
  out.weights_at = field.value.at;
  for (const Value& value : field.value.items) {
    // A bad one keeps its place, so that the others still belong to their addresses.
    out.weights.push_back(static_cast<uint32_t>(
        reader.integer({field.key, field.key_at, value}, kWeights).value_or(1)));
  }
}

void read_priorities(Reader& reader, const Field& field, UpstreamDraft& out) {
  if (field.value.kind != ValueKind::array) {
    reader.wrong_type(field, "a list of integers");
    return;
  }
  out.priorities_at = field.value.at;
  for (const Value& value : field.value.items) {
    out.priorities.push_back(static_cast<uint32_t>(
        reader.integer({field.key, field.key_at, value}, kPriorities).value_or(0)));
  }
}

void read_health(Reader& reader, const Field& field, UpstreamDraft& out) {
  if (field.value.kind != ValueKind::table) {
    reader.wrong_type(field, "a table: [upstreams.NAME.health]");
    return;
  }
  if (given(out.health_at)) {
    reader.error(field.key_at,
                 {"the check is said twice", {}, "keep `health_check` or this table"});
    return;
  }
  out.health_at = field.key_at;
  Health& health = out.upstream.health.emplace();
  health.at = field.key_at;
  read_table(field.value, fmt::format("upstreams.{}.health", out.upstream.name), kHealthSchema,
             reader, health);
}

void read_failure_statuses(Reader& reader, const Field& field, UpstreamDraft& out) {
  StatusSet statuses;
  for (const Located<std::string>& one : reader.list(field, Commas::yes)) {
    if (!statuses.add(one.value)) {
      reader.error(one.at,
                   {quote(one.value) + " is no status", R"("503", "5xx" or "500-503")", {}});
    }
  }
  out.upstream.breaker.statuses = statuses;
}

constexpr Key<UpstreamDraft> kKeys[] = {
    {{"addrs", "", "list of addresses", "required"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       out.addrs = reader.list(field, Commas::yes);
       out.addrs_written =
           field.value.kind == ValueKind::array ? field.value.items.size() : out.addrs.size();
       if (out.addrs.empty() && field.value.kind == ValueKind::array && field.value.items.empty()) {
         reader.error(field.value.at, {"`addrs` is empty", "at least one address", {}});
       }
     }},
    // Before `algorithm`, which may hold the same in the original's spelling.
    {{"hash_key", "", "hash key", "\"\""},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.text(field, out.hash_key);
     }},
    {{"algorithm", "algo", "algorithm", "\"round_robin\""}, read_algorithm},
    {{"weights", "", "list of integers", "1 each"}, read_weights},
    {{"discovery", "", "`\"static\"`, `\"dns\"`, `\"file\"`, `\"docker\"` or `\"etcd\"`",
      "\"dns\""},
     read_discovery},
    {{"discovery_file", "", "path", "none"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.text(field, out.upstream.discovery.file);
     }},
    {{"discovery_etcd", "", "URL", "none"}, read_discovery_etcd},
    {{"discovery_allow", "", "list of networks", "none"}, read_discovery_allow},
    {{"docker_socket", "", "path", "\"/var/run/docker.sock\""}, read_docker_socket},
    {{"dns_server", "", "list of addresses", "the system's"}, read_dns_servers},
    {{"dns_search", "dns_domain", "list of domains", "the system's"}, read_dns_search},
    {{"update_frequency", "", "duration", "as answers say"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.duration(field, Zero::refused, out.upstream.discovery.update_frequency);
     }},
    {{"ipv4_only", "", "boolean", "false"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       out.dns_at = field.key_at;
       reader.boolean(field, out.upstream.discovery.ipv4_only);
     }},
    {{"connection_timeout", "", "duration", "\"5s\""},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.duration(field, Zero::refused, out.upstream.connection_timeout);
     }},
    {{"read_timeout", "", "duration", "\"60s\""},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.duration(field, Zero::refused, out.upstream.read_timeout);
     }},
    {{"write_timeout", "", "duration", "\"60s\""},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.duration(field, Zero::refused, out.upstream.write_timeout);
     }},
    {{"idle_timeout", "", "duration", "\"30s\""},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.duration(field, Zero::refused, out.upstream.idle_timeout);
     }},
    {{"keepalive_pool_size", "", "integer", "64"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       out.pool_size_at = field.value.at;
       reader.integer(field, kCounts, out.upstream.keepalive_pool_size);
     }},
    {{"keepalive_pool_min", "", "integer", "0"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.integer(field, kWarm, out.upstream.keepalive_pool_min);
       out.pool_min_at = field.value.at;
     }},
    {{"keepalive_requests", "", "integer", "0"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.integer(field, kCounts, out.upstream.keepalive_requests);
     }},
    {{"max_connection_age", "", "duration", "none"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.duration(field, Zero::allowed, out.upstream.max_connection_age);
     }},
    {{"protocol", "", "protocol", "\"http1\""},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       if (const auto found = reader.choice(field, kProtocols)) {
         out.upstream.protocol = static_cast<Protocol>(*found);
       }
     }},
    {{"max_streams", "max_h2_streams", "integer", "100"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.integer(field, kStreams, out.upstream.max_streams);
       out.max_streams_at = field.value.at;
     }},
    {{"tls", "", "boolean", "true with sni"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.boolean(field, out.upstream.tls.on);
       out.upstream.tls.on_at = field.value.at;
     }},
    {{"sni", "", "string", "the server's name"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.text(field, out.upstream.tls.sni);
     }},
    {{"alpn", "", "`\"h1\"`, `\"h2\"` or `\"auto\"`", "\"h1\""},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       if (const auto found = reader.choice(field, kAlpn)) {
         out.upstream.tls.alpn = static_cast<Alpn>(*found);
         out.upstream.tls.alpn_at = field.value.at;
       }
     }},
    {{"verify_cert", "", "boolean", "true"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.boolean(field, out.upstream.tls.verify);
       out.verify_at = field.value.at;
     }},
    {{"verify_name", "", "string", "the one of sni"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.text(field, out.upstream.tls.verify_name);
     }},
    {{"ca", "", "path, PEM or base64", "the system's"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.pem(field, out.upstream.tls.ca);
     }},
    {{"tls_cert", "", "path, PEM or base64", "none"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.pem(field, out.upstream.tls.pair.cert);
     }},
    {{"tls_key", "", "path, PEM or base64", "none"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.pem(field, out.upstream.tls.pair.key);
     }},
    {{"tls_key_password", "", "string", "\"\""},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.secret(field, out.upstream.tls.pair.password);
     }},
    {{"tls_key_readable", "", "boolean", "false"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.boolean(field, out.upstream.tls.pair.key_readable);
     }},
    {{"max_connections", "", "integer", "0"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.integer(field, kCounts, out.upstream.max_connections);
     }},
    {{"priorities", "", "list of integers", "0 each"}, read_priorities},
    {{"backup_addrs", "", "list of addresses", "none"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       out.backups = reader.list(field, Commas::yes);
     }},
    {{"hash_balance_factor", "", "integer", "0"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.integer(field, kBalance, out.upstream.hash_balance_factor);
       if (out.upstream.hash_balance_factor > 0 && out.upstream.hash_balance_factor <= 100) {
         reader.error(field.value.at, {"not even its share would be a server's own",
                                       "a percentage above 100, or 0 for no bound",
                                       {}});
       }
     }},
    {{"slow_start", "", "duration", "none"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.duration(field, Zero::allowed, out.upstream.slow_start);
     }},
    {{"sticky_cookie", "", "name of a cookie", "none"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       Located<std::string> name;
       if (reader.text(field, name) && !is_token(name.value)) {
         reader.error(name.at, {quote(name.value) + " is not a name of a cookie", {}, {}});
       } else {
         out.upstream.sticky.cookie = std::move(name.value);
       }
     }},
    {{"sticky_secret", "", "string", "made at each start"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.secret(field, out.upstream.sticky.secret);
       out.sticky_secret_at = field.value.at;
     }},
    {{"sticky_ttl", "", "duration", "until the browser is closed"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.duration(field, Zero::allowed, out.upstream.sticky.ttl);
     }},
    {{"queue_timeout", "", "duration", "none"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.duration(field, Zero::allowed, out.upstream.queue_timeout);
       out.queue_at = field.value.at;
     }},
    {{"max_pending", "", "integer", "1024"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.integer(field, kPending, out.upstream.max_pending);
     }},
    {{"health_check", "", "URL", "none"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       read_health_url(reader, field, out.upstream.health);
       out.health_at = field.value.at;
     }},
    {{"health", "", "table", "none"}, read_health},
    {{"max_fails", "", "integer", "3"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.integer(field, kFails, out.upstream.breaker.max_fails);
     }},
    {{"max_ejected_percent", "", "integer", "80"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.integer(field, kPercent, out.upstream.breaker.max_ejected_percent);
     }},
    {{"circuit_break_max_consecutive_failures", "", "integer", "0"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.integer(field, kFailures, out.upstream.breaker.max_failures);
     }},
    {{"circuit_break_max_failure_percent", "", "integer", "0"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.integer(field, kPercent, out.upstream.breaker.max_percent);
     }},
    {{"circuit_break_min_requests_threshold", "", "integer", "10"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.integer(field, kThreshold, out.upstream.breaker.min_requests);
     }},
    {{"circuit_break_half_open_consecutive_success_threshold", "", "integer", "1, or 5"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.integer(field, kSuccesses, out.upstream.breaker.successes);
     }},
    {{"circuit_break_scope", "", "`\"server\"`, `\"upstream\"` or `\"both\"`", "\"server\""},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       if (const auto found = reader.choice(field, kScopes)) {
         out.upstream.breaker.scope = static_cast<BreakerScope>(*found);
       }
     }},
    {{"circuit_break_open_duration", "", "duration", "\"10s\""},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.duration(field, Zero::refused, out.upstream.breaker.open);
     }},
    {{"backend_stats_interval", "", "duration", "\"60s\""},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.duration(field, Zero::refused, out.upstream.breaker.window);
     }},
    {{"backend_failure_status_code", "", "list of statuses", "\"5xx\""}, read_failure_statuses},
    {{"retry_budget_percent", "", "integer", "20"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.integer(field, kPercent, out.upstream.retry_percent);
     }},
    {{"retry_budget_min", "", "integer", "3"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       reader.integer(field, kCounts, out.upstream.retry_least);
     }},
    {{"send_proxy_protocol", "", "`\"v1\"` or `\"v2\"`", "off"},
     [](Reader& reader, const Field& field, UpstreamDraft& out) {
       out.send_proxy_at = field.value.at;
       if (const auto found = reader.choice(field, kProxyVersions)) {
         out.upstream.send_proxy_protocol = static_cast<SendProxy>(*found + 1);
       }
     }},
};

constexpr Foreign kForeign[] = {
    {"enable_tracer", ""},
    {"enable_backend_stats", "remove it: the circuit breaker always sees what it needs"},
    {"tcp_idle", ""},
    {"tcp_interval", ""},
    {"tcp_probe_count", ""},
    {"tcp_user_timeout", ""},
    {"tcp_recv_buf", ""},
    {"tcp_fast_open", ""},
    {"includes", ""},
    {"remark", "write it as a comment"},
    {"total_connection_timeout", "use connection_timeout: it covers TLS"},
};

}  // namespace

const Schema<UpstreamDraft> kUpstreamSchema{kKeys, kForeign};

}  // namespace pingap::config

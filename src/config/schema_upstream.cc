// [upstreams.NAME]: a group of backends.
#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/address.h"
#include "config/schema.h"
#include "config/suggest.h"
#include "config/syntax.h"

namespace pingap::config {
namespace {

// 0 takes nothing new; above, a hash ring has points for each unit of weight.
constexpr Range kWeights{0, 1000};
constexpr Range kCounts{0, 1'000'000};
// More than a stream id can count in a life is no limit.
constexpr Range kStreams{1, 10'000};
constexpr std::string_view kHashForms =
    R"("ip", "url", "path", "header:NAME", "cookie:NAME" or "query:NAME")";

// In the order of Algorithm.
constexpr std::array<std::string_view, 6> kAlgorithms = {
    "round_robin", "weighted_round_robin", "least_conn", "ip_hash", "random", "hash"};

// In the order of Protocol.
constexpr std::array<std::string_view, 2> kProtocols = {"http1", "h2c"};

// In the order of Alpn; the original has another name for the last.
constexpr std::array<std::string_view, 3> kAlpn = {"h1", "h2", "auto"};

struct HashForm {
  std::string_view name;
  HashSource source;
  bool named;  // "header:NAME"
};

constexpr std::array<HashForm, 6> kHashSources = {{{"ip", HashSource::ip, false},
                                                   {"url", HashSource::url, false},
                                                   {"path", HashSource::path, false},
                                                   {"header", HashSource::header, true},
                                                   {"cookie", HashSource::cookie, true},
                                                   {"query", HashSource::query, true}}};

bool given(Position at) noexcept {
  return at.line > 0;
}

// "ip", "header:NAME", ...
void apply_hash_key(const Located<std::string>& key, Upstream& out, Reader& reader) {
  const std::string_view text = key.value;
  const size_t colon = text.find(':');
  const std::string_view name =
      colon == std::string_view::npos ? std::string_view{} : trim(text.substr(colon + 1));
  const auto form = std::ranges::find(kHashSources, trim(text.substr(0, colon)), &HashForm::name);
  if (form == kHashSources.end() || form->named != !name.empty() || !is_printable(name)) {
    reader.error(key.at, {quote(text) + " is nothing to hash on", std::string(kHashForms), {}});
    return;
  }
  if (form->source == HashSource::header && !reader.check(key.at, check_header_name(name))) {
    return;
  }
  out.hash_source = form->source;
  out.hash_name = std::string(name);
}

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
       reader.integer(field, kCounts, out.upstream.keepalive_pool_size);
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
};

constexpr Foreign kForeign[] = {
    {"health_check", ""},
    {"discovery", ""},
    {"dns_server", ""},
    {"dns_domain", ""},
    {"dns_search", ""},
    {"update_frequency", ""},
    {"ipv4_only", ""},
    {"enable_tracer", ""},
    {"enable_backend_stats", ""},
    {"backend_failure_status_code", ""},
    {"backend_stats_interval", ""},
    {"circuit_break_max_consecutive_failures", ""},
    {"circuit_break_max_failure_percent", ""},
    {"circuit_break_min_requests_threshold", ""},
    {"circuit_break_half_open_consecutive_success_threshold", ""},
    {"circuit_break_open_duration", ""},
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

// "addr weight" of the original: splits the weight off.
std::optional<uint32_t> take_weight(Located<std::string>& addr, Reader& reader) {
  const size_t space = addr.value.find_last_of(" \t");
  if (space == std::string::npos) {
    return std::nullopt;
  }
  const std::string text = addr.value.substr(space + 1);
  addr.value = std::string(trim(std::string_view(addr.value).substr(0, space)));
  const auto weight = parse_decimal(text);
  if (!weight || *weight > static_cast<uint64_t>(kWeights.max)) {
    reader.error(addr.at, {quote(text) + " is not a weight",
                           fmt::format("{} to {}", kWeights.min, kWeights.max),
                           {}});
    return 1;
  }
  return static_cast<uint32_t>(*weight);
}

// What only TLS can do must not be hoped for without it.
void finish_tls(UpstreamDraft& draft, Reader& reader) {
  UpstreamTls& tls = draft.upstream.tls;
  const bool named = !tls.sni.value.empty();
  if (given(tls.on_at) && !tls.on && named) {
    reader.error(tls.sni.at, {"`sni` with tls = false", {}, "remove one of them"});
  }
  tls.on = tls.on || named;
  if (tls.on) {
    if (draft.upstream.protocol == Protocol::h2c) {
      reader.error(
          draft.upstream.at,
          {"protocol = \"h2c\" is HTTP/2 without TLS", {}, "with TLS it is alpn = \"h2\""});
    }
    if (!tls.verify) {
      reader.diagnostics().warning(draft.verify_at,
                                   "anybody can pass for this upstream: verify_cert is off", {},
                                   "name its authority with `ca` instead");
    }
    return;
  }
  for (const Position at : {tls.verify_name.at, tls.ca.at, tls.pair.cert.at, tls.alpn_at}) {
    if (given(at)) {
      reader.error(at, {"this needs TLS to the servers", {}, "set tls = true, or `sni`"});
    }
  }
}

void finish_servers(UpstreamDraft& draft, Reader& reader) {
  if (given(draft.weights_at) && draft.weights.size() != draft.addrs_written) {
    reader.error(draft.weights_at, {fmt::format("{} weights for {} addresses", draft.weights.size(),
                                                draft.addrs_written),
                                    "one weight per address, in the same order",
                                    {}});
  }
  std::unordered_map<std::string, Position> seen;
  for (size_t i = 0; i < draft.addrs.size(); ++i) {
    Located<std::string>& addr = draft.addrs[i];
    uint32_t weight = i < draft.weights.size() ? draft.weights[i] : 1;
    if (const auto written = take_weight(addr, reader)) {
      if (given(draft.weights_at)) {
        reader.error(addr.at, {"a weight here and in `weights`", {}, "keep `weights`"});
      }
      weight = *written;
    }
    auto endpoint = parse_backend_address(addr.value, draft.upstream.tls.on ? 443 : 80);
    if (!endpoint) {
      reader.error(addr.at, std::move(endpoint.error()));
      continue;
    }
    addr.value = endpoint->to_string();
    if (!seen.emplace(addr.value, addr.at).second) {
      reader.diagnostics().warning(addr.at, quote(addr.value) + " is in this upstream twice", {},
                                   "give it a weight instead");
    }
    draft.upstream.servers.push_back({addr, weight});
  }
  const auto& servers = draft.upstream.servers;
  if (!servers.empty() &&
      std::ranges::all_of(servers, [](const Server& one) { return one.weight == 0; })) {
    reader.error(given(draft.weights_at) ? draft.weights_at : servers[0].addr.at,
                 {"every weight is 0: no address would get a request", {}, {}});
  }
}

}  // namespace

const Schema<UpstreamDraft> kUpstreamSchema{kKeys, kForeign};

Upstream finish(UpstreamDraft draft, Reader& reader) {
  Upstream& out = draft.upstream;
  finish_tls(draft, reader);
  finish_servers(draft, reader);
  const bool hashes = out.algorithm == Algorithm::hash;
  if (hashes && !given(draft.hash_key.at)) {
    reader.error(draft.algorithm_at, {"algorithm \"hash\" needs to know what to hash on",
                                      {},
                                      "set hash_key to " + std::string(kHashForms)});
  } else if (!hashes && given(draft.hash_key.at)) {
    reader.error(draft.hash_key.at, {"`hash_key` without algorithm = \"hash\"", {}, {}});
  } else if (hashes) {
    apply_hash_key(draft.hash_key, out, reader);
  }
  const bool h2 = out.protocol == Protocol::h2c || out.tls.alpn != Alpn::h1;
  if (!h2 && given(draft.max_streams_at)) {
    reader.error(draft.max_streams_at, {"`max_streams` without protocol = \"h2c\" or `alpn`",
                                        {},
                                        "HTTP/1.1 has one request at a time on a connection"});
  }
  // The original has one name for both.
  const auto weighs = [](const Server& server) { return server.weight != 1; };
  if (out.algorithm == Algorithm::round_robin && std::ranges::any_of(out.servers, weighs)) {
    out.algorithm = Algorithm::weighted_round_robin;
  }
  return std::move(out);
}

}  // namespace pingap::config

// [servers.NAME]: where clients connect, and what they may do.
#include <array>
#include <utility>

#include "base/ip.h"
#include "config/address.h"
#include "config/schema.h"
#include "config/suggest.h"

namespace pingap::config {
namespace {

constexpr Range kCounts{0, 1'000'000'000};
// As many as a session has room to parse (session/h1_server_session.cc).
constexpr Range kHeaderCounts{1, 1024};
constexpr uint64_t kMinHead = 1024;
constexpr uint64_t kMaxHead = 1 << 20;

// In the order of Underscores.
constexpr std::array<std::string_view, 3> kUnderscores = {"drop", "reject", "keep"};

void read_addr(Reader& reader, const Field& field, Listener& out) {
  for (Located<std::string>& addr : reader.list(field, Commas::yes)) {
    auto endpoint = parse_listen_address(addr.value);
    if (!endpoint) {
      reader.error(addr.at, std::move(endpoint.error()));
      continue;
    }
    out.addrs.push_back({endpoint->to_string(), addr.at});
  }
  if (field.value.kind == ValueKind::array && field.value.items.empty()) {
    reader.error(field.value.at, {"`addr` is empty", "at least one address", {}});
  }
}

void read_max_header_size(Reader& reader, const Field& field, Listener& out) {
  uint64_t size = 0;
  if (!reader.size(field, size)) {
    return;
  }
  if (size < kMinHead || size > kMaxHead) {
    reader.error(field.value.at, {quote(field.key) + " is out of range", "1KiB to 1MiB", {}});
    return;
  }
  out.max_header_size = static_cast<uint32_t>(size);
}

void read_min_body_rate(Reader& reader, const Field& field, Listener& out) {
  uint64_t rate = 0;
  if (!reader.size(field, rate)) {
    return;
  }
  if (rate > static_cast<uint64_t>(kCounts.max)) {
    reader.error(field.value.at, {quote(field.key) + " is out of range", "0 to 1gb", {}});
    return;
  }
  out.min_body_rate = static_cast<uint32_t>(rate);
}

// In the order of TlsVersion and ClientAuth.
constexpr std::array<std::string_view, 2> kTlsVersions = {"tlsv1.2", "tlsv1.3"};
constexpr std::array<std::string_view, 3> kClientAuth = {"off", "optional", "required"};

void read_version(Reader& reader, const Field& field, TlsVersion& out) {
  if (const auto found = reader.choice(field, kTlsVersions)) {
    out = static_cast<TlsVersion>(*found);
  }
}

constexpr Key<Listener> kKeys[] = {
    {{"addr", "", "list of addresses", "required"}, read_addr},
    {{"locations", "", "list of names of locations", "none"},
     [](Reader& reader, const Field& field, Listener& out) {
       out.locations = reader.list(field, Commas::yes);
     }},
    {{"access_log", "", "log", "\"\""},
     [](Reader& reader, const Field& field, Listener& out) {
       read_access_log(reader, field, out.access_log);
     }},
    {{"access_log_format", "", "log format", "\"default\""},
     [](Reader& reader, const Field& field, Listener& out) {
       read_access_log_format(reader, field, out.access_log);
     }},
    {{"access_log_status", "", "list of statuses", "all"},
     [](Reader& reader, const Field& field, Listener& out) {
       read_access_log_status(reader, field, out.access_log);
     }},
    {{"access_log_min_duration", "", "duration", "none"},
     [](Reader& reader, const Field& field, Listener& out) {
       read_access_log_min_duration(reader, field, out.access_log);
     }},
    {{"access_log_sample", "", "integer", "1"},
     [](Reader& reader, const Field& field, Listener& out) {
       read_access_log_sample(reader, field, out.access_log);
     }},
    {{"access_log_redact", "", "list of names", "none"},
     [](Reader& reader, const Field& field, Listener& out) {
       read_access_log_redact(reader, field, out.access_log);
     }},
    {{"trusted_proxies", "", "list of networks", "nobody"},
     [](Reader& reader, const Field& field, Listener& out) {
       read_networks(reader, field, out.trusted_proxies);
     }},
    {{"proxy_protocol_from", "", "list of networks", "nobody"},
     [](Reader& reader, const Field& field, Listener& out) {
       read_networks(reader, field, out.proxy_protocol_from);
     }},
    {{"header_timeout", "", "duration", "\"15s\""},
     [](Reader& reader, const Field& field, Listener& out) {
       reader.duration(field, Zero::refused, out.header_timeout);
     }},
    {{"keepalive_timeout", "", "duration", "\"75s\""},
     [](Reader& reader, const Field& field, Listener& out) {
       reader.duration(field, Zero::refused, out.keepalive_timeout);
     }},
    {{"body_timeout", "", "duration", "\"60s\""},
     [](Reader& reader, const Field& field, Listener& out) {
       reader.duration(field, Zero::refused, out.body_timeout);
     }},
    {{"write_timeout", "downstream_write_timeout", "duration", "\"60s\""},
     [](Reader& reader, const Field& field, Listener& out) {
       reader.duration(field, Zero::refused, out.write_timeout);
     }},
    {{"min_body_rate", "", "size", "500"}, read_min_body_rate},
    {{"keepalive_requests", "", "integer", "10000"},
     [](Reader& reader, const Field& field, Listener& out) {
       reader.integer(field, kCounts, out.keepalive_requests);
     }},
    {{"max_connections", "", "integer", "0"},
     [](Reader& reader, const Field& field, Listener& out) {
       reader.integer(field, kCounts, out.max_connections);
     }},
    {{"max_header_size", "", "size", "\"32KiB\""}, read_max_header_size},
    {{"max_headers", "", "integer", "128"},
     [](Reader& reader, const Field& field, Listener& out) {
       reader.integer(field, kHeaderCounts, out.max_headers);
     }},
    {{"underscores_in_headers", "", "`\"drop\"`, `\"reject\"` or `\"keep\"`", "\"drop\""},
     [](Reader& reader, const Field& field, Listener& out) {
       if (const auto found = reader.choice(field, kUnderscores)) {
         out.underscores_in_headers = static_cast<Underscores>(*found);
       }
     }},
    {{"merge_slashes", "", "boolean", "true"},
     [](Reader& reader, const Field& field, Listener& out) {
       reader.boolean(field, out.merge_slashes);
     }},
    {{"encoded_slash", "", "`\"reject\"` or `\"keep\"`", "\"reject\""},
     [](Reader& reader, const Field& field, Listener& out) {
       constexpr std::array<std::string_view, 2> kNames = {"reject", "keep"};
       if (const auto found = reader.choice(field, kNames)) {
         out.encoded_slash = *found == 1;
       }
     }},
    {{"via", "", "boolean", "false"},
     [](Reader& reader, const Field& field, Listener& out) { reader.boolean(field, out.via); }},
    {{"proxy_status", "", "boolean", "false"},
     [](Reader& reader, const Field& field, Listener& out) {
       reader.boolean(field, out.proxy_status);
     }},
    {{"tls_cert", "", "path, PEM or base64", "no TLS"},
     [](Reader& reader, const Field& field, Listener& out) {
       reader.pem(field, out.tls.pair.cert);
     }},
    {{"tls_key", "", "path, PEM or base64", "no TLS"},
     [](Reader& reader, const Field& field, Listener& out) {
       reader.pem(field, out.tls.pair.key);
     }},
    {{"tls_key_password", "", "string", "\"\""},
     [](Reader& reader, const Field& field, Listener& out) {
       reader.secret(field, out.tls.pair.password);
     }},
    {{"tls_key_readable", "", "boolean", "false"},
     [](Reader& reader, const Field& field, Listener& out) {
       reader.boolean(field, out.tls.pair.key_readable);
     }},
    {{"global_certificates", "", "boolean", "false"},
     [](Reader& reader, const Field& field, Listener& out) {
       reader.boolean(field, out.tls.store);
     }},
    {{"tls_min_version", "", "`\"tlsv1.2\"` or `\"tlsv1.3\"`", "\"tlsv1.2\""},
     [](Reader& reader, const Field& field, Listener& out) {
       read_version(reader, field, out.tls.min_version);
     }},
    {{"tls_max_version", "", "`\"tlsv1.2\"` or `\"tlsv1.3\"`", "\"tlsv1.3\""},
     [](Reader& reader, const Field& field, Listener& out) {
       read_version(reader, field, out.tls.max_version);
     }},
    {{"tls_cipher_list", "", "string", "those with AEAD and ECDHE"},
     [](Reader& reader, const Field& field, Listener& out) {
       reader.text(field, out.tls.ciphers);
     }},
    {{"tls_ciphersuites", "", "string", "those of OpenSSL"},
     [](Reader& reader, const Field& field, Listener& out) {
       reader.text(field, out.tls.ciphersuites);
     }},
    {{"tls_curves", "", "string", "\"X25519:P-256:P-384\""},
     [](Reader& reader, const Field& field, Listener& out) { reader.text(field, out.tls.curves); }},
    {{"tls_client_ca", "", "path, PEM or base64", "none"},
     [](Reader& reader, const Field& field, Listener& out) {
       reader.pem(field, out.tls.client_ca);
     }},
    {{"tls_client_auth", "", "`\"off\"`, `\"optional\"` or `\"required\"`", "\"required\""},
     [](Reader& reader, const Field& field, Listener& out) {
       if (const auto found = reader.choice(field, kClientAuth)) {
         out.tls.client_auth = static_cast<ClientAuth>(*found);
       }
     }},
    {{"enabled_h2", "", "boolean", "true"},
     [](Reader& reader, const Field& field, Listener& out) { reader.boolean(field, out.tls.h2); }},
    {{"plugins", "", "list of plugins", "none"},
     [](Reader& reader, const Field& field, Listener& out) {
       read_plugins(reader, field, out.plugins);
     }},
};

constexpr Foreign kForeign[] = {
    {"prometheus_metrics",
     "use [metrics], which has an address of its own, or a plugin of type \"metrics\""},
    {"otlp_exporter", ""},
    {"modules", ""},
    {"enable_server_timing", ""},
    {"tcp_idle", ""},
    {"tcp_interval", ""},
    {"tcp_probe_count", ""},
    {"tcp_user_timeout", ""},
    {"tcp_fastopen", ""},
    {"tcp_fast_open", ""},
    {"includes", ""},
    {"remark", "write it as a comment"},
    {"threads", "it belongs into [basic]: all servers share the threads"},
    {"reuse_port", "remove it: every thread has a socket of its own"},
    {"downstream_read_timeout", "use header_timeout, body_timeout and keepalive_timeout"},
};

}  // namespace

const Schema<Listener> kServerSchema{kKeys, kForeign};

}  // namespace pingap::config

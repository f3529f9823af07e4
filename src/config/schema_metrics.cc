// [metrics]: where Prometheus finds its numbers.
#include <array>

#include "config/address.h"
#include "config/http_url.h"
#include "config/schema.h"
#include "config/schema_collector.h"
#include "config/suggest.h"

namespace pingap::config {
namespace {

void read_enabled(Reader& reader, const Field& field, Metrics& out) {
  reader.boolean(field, out.enabled);
}

void read_addr(Reader& reader, const Field& field, Metrics& out) {
  Located<std::string> text;
  if (!reader.text(field, text)) {
    return;
  }
  auto address = parse_listen_address(text.value);
  if (!address) {
    reader.error(text.at, std::move(address.error()));
    return;
  }
  out.addr = {address->to_string(), text.at};
}

// It is compared as it comes: what a client would write otherwise is not taken.
bool is_plain_path(std::string_view path) noexcept {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~/").find(c) != std::string_view::npos;
  };
  for (const char c : path) {
    if (!is_plain(c)) {
      return false;
    }
  }
  return path.starts_with('/');
}

void read_path(Reader& reader, const Field& field, Metrics& out) {
  std::string path;
  if (!reader.text(field, path)) {
    return;
  }
  const bool taken = path == "/healthz" || path == "/readyz" || path == "/state";
  if (!is_plain_path(path) || taken) {
    reader.error(field.value.at,
                 {quote(path) + " cannot be the path of the metrics",
                  "it starts with / and has letters, digits and -._~/ only; /healthz, /readyz "
                  "and /state are taken",
                  {}});
    return;
  }
  out.path = std::move(path);
}

void read_user(Reader& reader, const Field& field, Metrics& out) {
  reader.text(field, out.user);
}

void read_password(Reader& reader, const Field& field, Metrics& out) {
  reader.secret(field, out.password);
}

void read_token(Reader& reader, const Field& field, Metrics& out) {
  reader.secret(field, out.token);
}

// Of a Pushgateway. Who we are to it has keys of its own, which are kept secret.
void read_push_url(Reader& reader, const Field& field, Metrics& out) {
  Located<std::string> url;
  if (!reader.text(field, url)) {
    return;
  }
  const HttpUrl parts = split_http_url(url.value);
  if (parts.address.find('@') != std::string_view::npos) {
    reader.error(url.at, {"`push_url` shows a user and a password", "http://HOST[:PORT][/PATH]",
                          "use `push_user` and `push_password`"});
    return;
  }
  const auto address = parse_endpoint(parts.address);
  if (!parts.scheme || !address || address->kind == HostKind::unix_path ||
      !is_url_path(parts.path) || parts.path.find('?') != std::string_view::npos) {
    reader.error(url.at, {quote(url.value) + " is not the address of a Pushgateway",
                          R"("http://localhost:9091", )"
                          R"("https://push.test/metrics/job/pingap/instance/$HOSTNAME")",
                          {}});
    return;
  }
  out.gateway.url = std::move(url);
}

constexpr std::array<Key<Metrics>, 25> kKeys = {{
    {{"enabled", "", "boolean", "true"}, read_enabled},
    {{"addr", "", "address", "\"127.0.0.1:9090\""}, read_addr},
    {{"path", "", "string", "\"/metrics\""}, read_path},
    {{"user", "", "string", "\"\""}, read_user},
    {{"password", "", "string", "\"\""}, read_password},
    {{"token", "", "string", "\"\""}, read_token},
    {{"tls_cert", "", "path, PEM or base64", "no TLS"},
     [](Reader& reader, const Field& field, Metrics& out) {
       reader.pem(field, out.tls.pair.cert);
     }},
    {{"tls_key", "", "path, PEM or base64", "none"},
     [](Reader& reader, const Field& field, Metrics& out) { reader.pem(field, out.tls.pair.key); }},
    {{"tls_key_password", "", "string", "\"\""},
     [](Reader& reader, const Field& field, Metrics& out) {
       reader.secret(field, out.tls.pair.password);
     }},
    {{"tls_key_readable", "", "boolean", "false"},
     [](Reader& reader, const Field& field, Metrics& out) {
       reader.boolean(field, out.tls.pair.key_readable);
     }},
    {{"otlp_endpoint", "", "string", "none"}, of_collector<read_otlp_endpoint>},
    {{"otlp_protocol", "", "protocol", "by endpoint"}, of_collector<read_otlp_protocol>},
    {{"otlp_headers", "", "headers", "none"}, of_collector<read_otlp_headers>},
    {{"otlp_interval", "", "duration", "\"60s\""},
     [](Reader& reader, const Field& field, Metrics& out) {
       reader.duration(field, Zero::refused, out.otlp_interval);
     }},
    {{"otlp_compression", "", "string", "\"none\""}, of_collector<read_otlp_compression>},
    {{"otlp_timeout", "", "duration", "\"10s\""}, of_collector<read_otlp_timeout>},
    {{"otlp_tls_ca", "", "path or PEM", "the system's"}, of_collector<read_otlp_ca>},
    {{"otlp_tls_cert", "", "path or PEM", "none"}, of_collector<read_otlp_cert>},
    {{"otlp_tls_key", "", "path or PEM", "none"}, of_collector<read_otlp_key>},
    {{"otlp_tls_verify", "", "boolean", "true"}, of_collector<read_otlp_verify>},
    {{"push_url", "", "URL", "none"}, read_push_url},
    {{"push_interval", "", "duration", "\"60s\""},
     [](Reader& reader, const Field& field, Metrics& out) {
       reader.duration(field, Zero::refused, out.gateway.interval);
     }},
    {{"push_user", "", "string", "\"\""},
     [](Reader& reader, const Field& field, Metrics& out) {
       reader.text(field, out.gateway.user);
     }},
    {{"push_password", "", "string", "\"\""},
     [](Reader& reader, const Field& field, Metrics& out) {
       reader.secret(field, out.gateway.password);
     }},
    {{"push_tls_ca", "", "path or PEM", "the system's"},
     [](Reader& reader, const Field& field, Metrics& out) { reader.pem(field, out.gateway.ca); }},
}};

}  // namespace

const Schema<Metrics> kMetricsSchema{kKeys, {}};

}  // namespace pingap::config

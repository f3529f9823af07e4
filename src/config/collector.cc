#include "config/collector.h"

#include <fmt/format.h>

#include "config/address.h"
#include "config/http_url.h"
#include "config/problem.h"
#include "config/suggest.h"

namespace pingap::config {
namespace {

constexpr uint16_t kHttpPort = 4318;
constexpr uint16_t kGrpcPort = 4317;

std::string_view http_path(OtlpSignal signal) noexcept {
  return signal == OtlpSignal::traces ? "/v1/traces" : "/v1/metrics";
}

std::string_view grpc_path(OtlpSignal signal) noexcept {
  return signal == OtlpSignal::traces
             ? "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
             : "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
}

std::string path_of(std::string_view path, OtlpSignal signal, bool base) {
  if (path.empty() || path == "/") {
    return std::string(http_path(signal));
  }
  if (!base) {
    return std::string(path);
  }
  return fmt::format("{}{}", path.substr(0, path.find_last_not_of('/') + 1), http_path(signal));
}

// Fills url and grpc; whether it is reached by TLS.
Parsed<bool> resolve(Collector& out, OtlpSignal signal) {
  const std::string& text = out.endpoint.value;
  const HttpUrl parts = split_http_url(text);
  auto address = parse_endpoint(parts.address);
  if (!address || address->kind == HostKind::unix_path || !is_url_path(parts.path)) {
    return problem(fmt::format("{} is not an endpoint of OTLP", quote(text)),
                   R"("localhost:4317", "https://otel.test:4317" or "http://otel.test:4318")");
  }
  const bool plain_path = parts.path.empty() || parts.path == "/";
  out.grpc = out.protocol == Collector::Protocol::by_endpoint
                 ? plain_path && address->port != kHttpPort
                 : out.protocol == Collector::Protocol::grpc;
  if (out.grpc && !plain_path) {
    return problem(
        "an endpoint of gRPC has no path", "\"https://otel.test:4317\"",
        fmt::format("remove it, or set {}protocol = \"http/protobuf\"", key_prefix(signal)));
  }
  if (!has_port(parts.address)) {
    const uint16_t otlp = out.grpc ? kGrpcPort : kHttpPort;
    address->port = !parts.scheme ? otlp : parts.tls ? uint16_t{443} : kDefaultPort;
  }
  out.url = fmt::format("{}://{}{}", parts.tls ? "https" : "http", address->to_string(),
                        out.grpc ? std::string(grpc_path(signal))
                                 : path_of(parts.path, signal, out.endpoint_is_base));
  return parts.tls;
}

}  // namespace

std::string_view key_prefix(OtlpSignal signal) noexcept {
  return signal == OtlpSignal::traces ? "" : "otlp_";
}

void finish(Collector& collector, OtlpSignal signal, Position at, Diagnostics& diagnostics) {
  const bool traces = signal == OtlpSignal::traces;
  const std::string_view prefix = key_prefix(signal);
  const Position endpoint_at = collector.endpoint.at.line > 0 ? collector.endpoint.at : at;
  const auto tls = resolve(collector, signal);
  if (!tls) {
    const Problem& wrong = tls.error();
    diagnostics.error(endpoint_at, wrong.what, wrong.allowed, wrong.hint);
    return;
  }
  if (collector.cert.value.empty() != collector.key.value.empty()) {
    diagnostics.error(collector.cert.value.empty() ? collector.key.at : collector.cert.at,
                      fmt::format("`{0}tls_cert` and `{0}tls_key` of [{1}] need each other", prefix,
                                  traces ? "tracing" : "metrics"));
  }
  const bool tls_keys =
      !collector.ca.value.empty() || !collector.cert.value.empty() || !collector.verify;
  if (!*tls && tls_keys) {
    diagnostics.warning(endpoint_at,
                        fmt::format("the {} go in the clear: {}tls_... has no effect",
                                    traces ? "spans" : "metrics", prefix),
                        {}, "begin the endpoint with https://");
  }
}

}  // namespace pingap::config

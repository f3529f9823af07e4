// [tracing]: where spans go, and which.
#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/address.h"
#include "config/schema.h"
#include "config/suggest.h"
#include "config/syntax.h"
#include "config/tracing.h"

namespace pingap::config {
namespace {

constexpr std::array<std::string_view, 4> kPropagators = {"tracecontext", "baggage", "b3",
                                                          "b3multi"};
constexpr std::array<std::string_view, 2> kProtocols = {"grpc", "http/protobuf"};
constexpr std::array<std::string_view, 3> kParents = {"all", "trusted", "none"};
constexpr std::array<std::string_view, 2> kCompressions = {"none", "gzip"};

constexpr std::string_view kTracesPath = "/v1/traces";
constexpr std::string_view kGrpcPath =
    "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
constexpr uint16_t kHttpPort = 4318;
constexpr uint16_t kGrpcPort = 4317;

void read_protocol(Reader& reader, const Field& field, Tracing& out) {
  if (const auto chosen = reader.choice(field, kProtocols)) {
    out.protocol = *chosen == 0 ? Tracing::Protocol::grpc : Tracing::Protocol::http;
  }
}

// Later ones go before those of the environment.
void set(Tracing::Pairs& pairs, std::string name, std::string value) {
  const auto known = std::ranges::find(pairs, name, &Tracing::Pairs::value_type::first);
  if (known != pairs.end()) {
    known->second = std::move(value);
    return;
  }
  pairs.emplace_back(std::move(name), std::move(value));
}

void read_attributes(Reader& reader, const Field& field, Tracing& out) {
  for (FieldMatch& pair : reader.pairs(field)) {
    if (pair.name.empty() || !pair.value) {
      reader.error(pair.at, {quote(pair.name) + " is no attribute with a value",
                             R"(["deployment.environment.name: production"] or a table)",
                             {}});
      continue;
    }
    set(out.resource_attributes, std::move(pair.name), std::move(*pair.value));
  }
}

void read_headers(Reader& reader, const Field& field, Tracing& out) {
  reader.diagnostics().hide(field.value.at);
  out.headers.clear();
  for (FieldMatch& pair : reader.pairs(field)) {
    reader.diagnostics().hide(pair.at);
    if (!reader.check(pair.at, check_header_name(pair.name))) {
      continue;
    }
    if (!pair.value) {
      reader.error(pair.at, {"a header without a value", R"(["Authorization: Bearer ..."])", {}});
      continue;
    }
    set(out.headers, std::move(pair.name), std::move(*pair.value));
  }
}

void read_sample_ratio(Reader& reader, const Field& field, Tracing& out) {
  const Value& value = field.value;
  double ratio = static_cast<double>(value.integer);
  if (value.kind == ValueKind::floating || (value.kind == ValueKind::string && value.expanded)) {
    const std::string_view text = trim(value.text);
    const auto read = std::from_chars(text.data(), text.data() + text.size(), ratio);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size()) {
      ratio = -1;
    }
  } else if (value.kind != ValueKind::integer) {
    reader.wrong_type(field, "a number from 0 to 1");
    return;
  }
  if (!(ratio >= 0 && ratio <= 1)) {  // also what is no number
    reader.error(value.at, {quote(field.key) + " is out of range", "a number from 0 to 1",
                            "0.01 is one of a hundred"});
    return;
  }
  out.sample_ratio = ratio;
}

void read_parents(Reader& reader, const Field& field, Tracing& out) {
  if (const auto chosen = reader.choice(field, kParents)) {
    out.parents = static_cast<Tracing::Parents>(*chosen);
  }
}

void read_propagators(Reader& reader, const Field& field, Tracing& out) {
  std::vector<std::string> names;
  for (const auto& one : reader.list(field, Commas::yes)) {
    if (!is_propagator(one.value)) {
      reader.error(one.at, {"unknown propagator " + quote(one.value),
                            "one of " + join_names(kPropagators, kPropagators.size()),
                            did_you_mean(one.value, kPropagators)});
    } else {
      names.push_back(one.value);
    }
  }
  out.propagators = std::move(names);
}

void read_compression(Reader& reader, const Field& field, Tracing& out) {
  if (const auto chosen = reader.choice(field, kCompressions)) {
    out.gzip = *chosen == 1;
  }
}

constexpr std::array<Key<Tracing>, 21> kKeys = {{
    {{"enabled", "", "boolean", "true"},
     [](Reader& reader, const Field& field, Tracing& out) { reader.boolean(field, out.enabled); }},
    {{"endpoint", "", "string", "\"localhost:4317\""},
     [](Reader& reader, const Field& field, Tracing& out) {
       reader.text(field, out.endpoint);
       out.endpoint_is_base = false;
     }},
    {{"protocol", "", "protocol", "by endpoint"}, read_protocol},
    {{"service_name", "", "string", "\"pingap\""},
     [](Reader& reader, const Field& field, Tracing& out) {
       reader.text(field, out.service_name);
     }},
    {{"resource_attributes", "", "names and values", "none"}, read_attributes},
    {{"headers", "", "headers", "none"}, read_headers},
    {{"sample_ratio", "", "number", "1.0"}, read_sample_ratio},
    {{"sample_per_second", "", "integer", "0"},
     [](Reader& reader, const Field& field, Tracing& out) {
       reader.integer(field, {0, 1'000'000}, out.sample_per_second);
     }},
    {{"sample_errors", "", "boolean", "false"},
     [](Reader& reader, const Field& field, Tracing& out) {
       reader.boolean(field, out.sample_errors);
     }},
    {{"parent_based", "", "boolean", "true"},
     [](Reader& reader, const Field& field, Tracing& out) {
       reader.boolean(field, out.parent_based);
     }},
    {{"parents", "", "string", "\"all\""}, read_parents},
    {{"propagators", "", "list of strings", "[\"tracecontext\", \"baggage\"]"}, read_propagators},
    {{"compression", "", "string", "\"none\""}, read_compression},
    {{"timeout", "", "duration", "\"10s\""},
     [](Reader& reader, const Field& field, Tracing& out) {
       reader.duration(field, Zero::refused, out.timeout);
     }},
    {{"tls_ca", "", "path or PEM", "the system's"},
     [](Reader& reader, const Field& field, Tracing& out) { reader.pem(field, out.ca); }},
    {{"tls_cert", "", "path or PEM", "none"},
     [](Reader& reader, const Field& field, Tracing& out) { reader.pem(field, out.cert); }},
    {{"tls_key", "", "path or PEM", "none"},
     [](Reader& reader, const Field& field, Tracing& out) { reader.pem(field, out.key); }},
    {{"tls_verify", "", "boolean", "true"},
     [](Reader& reader, const Field& field, Tracing& out) { reader.boolean(field, out.verify); }},
    {{"queue_size", "", "integer", "4096"},
     [](Reader& reader, const Field& field, Tracing& out) {
       reader.integer(field, {128, 1'000'000}, out.queue_size);
     }},
    {{"batch_size", "", "integer", "512"},
     [](Reader& reader, const Field& field, Tracing& out) {
       reader.integer(field, {1, 10'000}, out.batch_size);
     }},
    {{"batch_delay", "", "duration", "\"1s\""},
     [](Reader& reader, const Field& field, Tracing& out) {
       reader.duration(field, Zero::refused, out.batch_delay);
     }},
}};

// "http://HOST[:PORT][/PATH]" or "HOST[:PORT]" in its parts.
struct Parts {
  bool tls = false;
  bool scheme = false;
  std::string_view address;
  std::string_view path;  // with its slash; empty = none
};

Parts split(std::string_view text) noexcept {
  Parts parts;
  for (const auto& [scheme, tls] :
       {std::pair{std::string_view("http://"), false}, {std::string_view("https://"), true}}) {
    if (text.starts_with(scheme)) {
      parts.tls = tls;
      parts.scheme = true;
      text.remove_prefix(scheme.size());
      break;
    }
  }
  const size_t slash = text.find('/');
  parts.address = text.substr(0, slash);
  parts.path = slash == std::string_view::npos ? std::string_view{} : text.substr(slash);
  return parts;
}

bool has_port(std::string_view address) noexcept {
  const size_t colon = address.rfind(':');
  return colon != std::string_view::npos && address.find(']', colon) == std::string_view::npos;
}

bool is_url_path(std::string_view path) noexcept {
  return std::ranges::all_of(path, [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
}

std::string path_of(const Tracing& tracing, std::string_view path) {
  if (tracing.grpc) {
    return std::string(kGrpcPath);
  }
  if (path.empty() || path == "/") {
    return std::string(kTracesPath);
  }
  if (!tracing.endpoint_is_base) {
    return std::string(path);
  }
  return std::string(path.substr(0, path.find_last_not_of('/') + 1)) + std::string(kTracesPath);
}

}  // namespace

const Schema<Tracing> kTracingSchema{kKeys, {}};

bool is_propagator(std::string_view name) noexcept {
  return std::ranges::find(kPropagators, name) != kPropagators.end();
}

bool Tracing::propagates(std::string_view how) const noexcept {
  return std::ranges::find(propagators, how) != propagators.end();
}

void finish(Tracing& tracing, Diagnostics& diagnostics) {
  const Position at = given(tracing.endpoint.at) ? tracing.endpoint.at : tracing.at;
  const Parts parts = split(tracing.endpoint.value);
  const bool port_given = has_port(parts.address);
  auto address = parse_endpoint(parts.address);
  if (!address || address->kind == HostKind::unix_path || !is_url_path(parts.path)) {
    diagnostics.error(at,
                      fmt::format("{} is not an endpoint of OTLP", quote(tracing.endpoint.value)),
                      R"("localhost:4317", "https://otel.test:4317" or "http://otel.test:4318")");
    return;
  }
  const bool plain_path = parts.path.empty() || parts.path == "/";
  tracing.grpc = tracing.protocol == Tracing::Protocol::by_endpoint
                     ? plain_path && address->port != kHttpPort
                     : tracing.protocol == Tracing::Protocol::grpc;
  if (tracing.grpc && !plain_path) {
    diagnostics.error(at, "an endpoint of gRPC has no path", "\"https://otel.test:4317\"",
                      "remove it, or set protocol = \"http/protobuf\"");
    return;
  }
  if (!port_given) {
    const uint16_t otlp = tracing.grpc ? kGrpcPort : kHttpPort;
    address->port = !parts.scheme ? otlp : parts.tls ? uint16_t{443} : kDefaultPort;
  }
  tracing.url = fmt::format("{}://{}{}", parts.tls ? "https" : "http", address->to_string(),
                            path_of(tracing, parts.path));
  if (tracing.cert.value.empty() != tracing.key.value.empty()) {
    diagnostics.error(tracing.cert.value.empty() ? tracing.key.at : tracing.cert.at,
                      "`tls_cert` and `tls_key` of [tracing] need each other");
  }
  const bool tls_keys = !tracing.ca.value.empty() || !tracing.cert.value.empty() || !tracing.verify;
  if (!parts.tls && tls_keys) {
    diagnostics.warning(at, "the spans go in the clear: tls_... has no effect", {},
                        "begin the endpoint with https://");
  }
}

}  // namespace pingap::config

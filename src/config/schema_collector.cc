#include "config/schema_collector.h"

#include <array>
#include <string_view>

#include "config/schema.h"

namespace pingap::config {

void read_otlp_endpoint(Reader& reader, const Field& field, Collector& out) {
  reader.text(field, out.endpoint);
  out.endpoint_is_base = false;
}

void read_otlp_protocol(Reader& reader, const Field& field, Collector& out) {
  constexpr std::array<std::string_view, 2> kProtocols = {"grpc", "http/protobuf"};
  if (const auto chosen = reader.choice(field, kProtocols)) {
    out.protocol = *chosen == 0 ? Collector::Protocol::grpc : Collector::Protocol::http;
  }
}

void read_otlp_headers(Reader& reader, const Field& field, Collector& out) {
  out.headers.clear();
  read_secret_headers(reader, field, out.headers);
}

void read_otlp_compression(Reader& reader, const Field& field, Collector& out) {
  constexpr std::array<std::string_view, 2> kCompressions = {"none", "gzip"};
  if (const auto chosen = reader.choice(field, kCompressions)) {
    out.gzip = *chosen == 1;
  }
}

void read_otlp_timeout(Reader& reader, const Field& field, Collector& out) {
  reader.duration(field, Zero::refused, out.timeout);
}

void read_otlp_ca(Reader& reader, const Field& field, Collector& out) {
  reader.pem(field, out.ca);
}

void read_otlp_cert(Reader& reader, const Field& field, Collector& out) {
  reader.pem(field, out.cert);
}

void read_otlp_key(Reader& reader, const Field& field, Collector& out) {
  reader.pem(field, out.key);
}

void read_otlp_verify(Reader& reader, const Field& field, Collector& out) {
  reader.boolean(field, out.verify);
}

}  // namespace pingap::config

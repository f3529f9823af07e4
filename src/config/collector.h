// A collector of OTLP, as [tracing] and [metrics] name one. Control thread; plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/diagnostics.h"

namespace pingap::config {

enum class OtlpSignal : uint8_t { traces, metrics };

// Where it is, and how it is spoken to.
struct Collector {
  enum class Protocol : uint8_t { by_endpoint, grpc, http };

  using Pairs = std::vector<std::pair<std::string, std::string>>;

  // "http://HOST[:PORT][/PATH]", "https://..." or "HOST[:PORT]"; empty = none
  Located<std::string> endpoint;
  bool endpoint_is_base = false;  // its path goes before that of OTLP (OTEL_... says so)
  Protocol protocol = Protocol::by_endpoint;
  Pairs headers;  // secret
  bool gzip = false;
  std::chrono::milliseconds timeout{10'000};  // of one request
  Located<std::string> ca;                    // path or PEM; empty = the system's authorities
  Located<std::string> cert;                  // the same, shown to the collector; empty = none
  Located<std::string> key;
  bool verify = true;
  // Made of endpoint and protocol, once all is read:
  std::string url;  // with the path of the signal; empty = none
  bool grpc = true;

  bool operator==(const Collector&) const = default;
};

// What stands before the names of its keys: "" of [tracing], "otlp_" of [metrics].
std::string_view key_prefix(OtlpSignal signal) noexcept;

// Fills url and grpc of one that has an endpoint; checks what depends on several keys. `at` is
// where an error is reported that belongs to no key.
void finish(Collector& collector, OtlpSignal signal, Position at, Diagnostics& diagnostics);

}  // namespace pingap::config

// [tracing] as plain values. Control thread; immutable once it is read.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/diagnostics.h"
#include "config/expand.h"

namespace pingap::config {

struct Tracing {
  enum class Protocol : uint8_t { by_endpoint, grpc, http };
  enum class Parents : uint8_t { all, trusted, none };

  using Pairs = std::vector<std::pair<std::string, std::string>>;

  Position at;
  bool present = false;  // there is such a section
  bool enabled = true;
  Located<std::string> endpoint{"localhost:4317", {}};
  bool endpoint_is_base = false;  // a URL whose path goes before that of OTLP (OTEL_... says so)
  Protocol protocol = Protocol::by_endpoint;
  std::string service_name = "pingap";
  Pairs resource_attributes;
  Pairs headers;  // secret
  double sample_ratio = 1;
  uint32_t sample_per_second = 0;  // 0 = no limit
  bool sample_errors = false;
  bool parent_based = true;
  Parents parents = Parents::all;
  std::vector<std::string> propagators{"tracecontext", "baggage"};
  bool gzip = false;
  std::chrono::milliseconds timeout{10'000};
  Located<std::string> ca;    // path or PEM; empty = the system's authorities
  Located<std::string> cert;  // the same, shown to the collector; empty = none
  Located<std::string> key;
  bool verify = true;
  uint32_t queue_size = 4096;  // requests
  uint32_t batch_size = 512;   // spans
  std::chrono::milliseconds batch_delay{1'000};
  // Made of endpoint and protocol, once all is read:
  std::string url;
  bool grpc = true;

  bool on() const noexcept { return present && enabled; }

  bool propagates(std::string_view how) const noexcept;

  bool operator==(const Tracing&) const = default;
};

// What may stand in `propagators`.
bool is_propagator(std::string_view name) noexcept;

// The defaults become what the OTEL_... variables say
// (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/). Before the
// section is read: what it says goes before. `out.at` is where an error is reported.
void apply_otel_environment(Environment environment, Diagnostics& diagnostics, Tracing& out);

// Fills url and grpc; checks what depends on several keys.
void finish(Tracing& tracing, Diagnostics& diagnostics);

}  // namespace pingap::config

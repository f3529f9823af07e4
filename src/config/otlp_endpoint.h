// Where a collector of OTLP is, as people write it. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "config/problem.h"
#include "config/tracing.h"

namespace pingap::config {

enum class OtlpSignal : uint8_t { traces, metrics };

struct OtlpEndpoint {
  std::string url;  // with the path of the signal
  bool grpc = true;
  bool tls = false;
};

// "http://HOST[:PORT][/PATH]", "https://..." or "HOST[:PORT]". `base`: the path goes before that of
// the signal, as OTEL_EXPORTER_OTLP_ENDPOINT has it.
Parsed<OtlpEndpoint> parse_otlp_endpoint(std::string_view text, Tracing::Protocol protocol,
                                         OtlpSignal signal, bool base = false);

}  // namespace pingap::config

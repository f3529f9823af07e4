// [tracing] as plain values. Control thread; immutable once it is read.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/collector.h"

namespace pingap::config {

struct Tracing {
  enum class Parents : uint8_t { all, trusted, none };

  Position at;
  bool present = false;  // there is such a section
  bool enabled = true;
  Collector collector;
  std::string service_name = "pingap";
  Collector::Pairs resource_attributes;
  double sample_ratio = 1;
  uint32_t sample_per_second = 0;  // 0 = no limit
  bool sample_errors = false;
  bool parent_based = true;
  Parents parents = Parents::all;
  std::vector<std::string> propagators{"tracecontext", "baggage"};
  uint32_t queue_size = 4096;  // requests
  uint32_t batch_size = 512;   // spans
  std::chrono::milliseconds batch_delay{1'000};

  Tracing() { collector.endpoint.value = "localhost:4317"; }

  bool on() const noexcept { return present && enabled; }

  bool propagates(std::string_view how) const noexcept;

  bool operator==(const Tracing&) const = default;
};

// What may stand in `propagators`.
bool is_propagator(std::string_view name) noexcept;

}  // namespace pingap::config

// [tracing] as workers use it. Control thread makes it; any thread uses it.
#pragma once

#include <memory>
#include <utility>

#include "trace/sampler.h"
#include "trace/span_rings.h"

namespace pingap::trace {

// How traces go from one process to the next.
struct Propagation {
  // Whose word on the trace counts.
  enum class Parents : uint8_t { all, trusted, none };

  Parents parents = Parents::all;
  bool tracecontext = true;
  bool baggage = true;
  bool b3 = false;        // one field
  bool b3_multi = false;  // X-B3-...

  bool any_b3() const noexcept { return b3 || b3_multi; }

  bool operator==(const Propagation&) const = default;
};

class Tracer {
 public:
  Tracer(const Sampling& sampling, const Propagation& fields,
         std::shared_ptr<SpanRings> rings) noexcept
      : sampler(sampling), propagation(fields), rings_(std::move(rings)) {}

  SpanRings& rings() const noexcept { return *rings_; }

  const std::shared_ptr<SpanRings>& shared_rings() const noexcept { return rings_; }

  Sampler sampler;
  const Propagation propagation;

 private:
  std::shared_ptr<SpanRings> rings_;
};

}  // namespace pingap::trace

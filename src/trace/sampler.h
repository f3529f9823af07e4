// Which traces are recorded. One for all workers; any thread.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.h"
#include "trace/context.h"

namespace pingap::trace {

struct Sampling {
  double ratio = 1;          // of traces that begin here: 0 to 1
  uint32_t per_second = 0;   // at most so many, by all workers together; 0 = no limit
  bool parent_based = true;  // who has begun the trace has decided
  bool errors = false;       // those that fail always are, as far as this proxy knows

  bool operator==(const Sampling&) const = default;
};

class Sampler {
 public:
  explicit Sampler(const Sampling& sampling) noexcept;

  // `parent`: what it says, `unsaid` also where there is none.
  bool samples(const TraceId& trace, Parent::Sampled parent, TimePoint now) noexcept {
    if (sampling_.parent_based && parent != Parent::Sampled::unsaid) {
      return parent == Parent::Sampled::yes && within_rate(now);
    }
    return (trace.low & kRandomBits) >= threshold_ && within_rate(now);
  }

  bool errors() const noexcept { return sampling_.errors; }

 private:
  // The bits of an id that whoever makes one has to draw (W3C Trace Context level 2, 3.2.2.3.1). A
  // trace is taken where they are at least the threshold, so that all who go by them agree.
  static constexpr uint64_t kRandomBits = (uint64_t{1} << 56) - 1;

  bool within_rate(TimePoint now) noexcept { return sampling_.per_second == 0 || take_one(now); }

  bool take_one(TimePoint now) noexcept;

  const Sampling sampling_;
  const uint64_t threshold_;
  std::atomic<uint64_t> taken_{0};  // how many, and above 32 bits the second they are of
};

}  // namespace pingap::trace

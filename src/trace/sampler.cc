#include "trace/sampler.h"

#include <algorithm>
#include <cmath>

namespace pingap::trace {
namespace {

constexpr unsigned kCountBits = 32;
constexpr double kAll = 72057594037927936.0;  // 2^56

uint64_t threshold_of(double ratio) noexcept {
  return static_cast<uint64_t>(std::llround((1 - std::clamp(ratio, 0.0, 1.0)) * kAll));
}

}  // namespace

Sampler::Sampler(const Sampling& sampling) noexcept
    : sampling_(sampling), threshold_(threshold_of(sampling.ratio)) {
}

// Workers that meet here may go over the limit by none: the exchange decides.
bool Sampler::take_one(TimePoint now) noexcept {
  const auto second = static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count());
  uint64_t seen = taken_.load(std::memory_order_relaxed);
  while (true) {
    const bool fresh = seen >> kCountBits < (second & UINT32_MAX);
    const uint64_t count = fresh ? 0 : seen & UINT32_MAX;
    if (count >= sampling_.per_second) {
      return false;
    }
    const uint64_t base = fresh ? (second & UINT32_MAX) << kCountBits : seen;
    if (taken_.compare_exchange_weak(seen, base + 1, std::memory_order_relaxed)) {
      return true;
    }
  }
}

}  // namespace pingap::trace

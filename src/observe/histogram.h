// How long things took, in buckets: those that OpenTelemetry recommends for HTTP
// (http.server.request.duration). One writer, any reader.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"
#include "observe/count.h"

namespace pingap::observe {

// The upper bounds, inclusive, in microseconds; what is longer is in one more bucket.
inline constexpr std::array<int64_t, 14> kBounds = {
    5'000,   10'000,  25'000,    50'000,    75'000,    100'000,   250'000,
    500'000, 750'000, 1'000'000, 2'500'000, 5'000'000, 7'500'000, 10'000'000};
inline constexpr size_t kBuckets = kBounds.size() + 1;

// The bucket of a duration. Nearly all are in the first ones, so it looks from there.
inline size_t bucket_of(Duration took) noexcept {
  size_t bucket = 0;
  while (bucket < kBounds.size() && took > Duration(kBounds[bucket] * 1000)) {
    ++bucket;
  }
  return bucket;
}

// A sum over threads.
struct HistogramTotals {
  std::array<uint64_t, kBuckets> buckets{};  // each without those below it
  uint64_t nanoseconds = 0;                  // of all together

  uint64_t count() const noexcept {
    uint64_t sum = 0;
    for (const uint64_t bucket : buckets) {
      sum += bucket;
    }
    return sum;
  }
};

class Histogram {
 public:
  void add(Duration took) noexcept {
    buckets_[bucket_of(took)].add();
    nanoseconds_.add(took > Duration::zero() ? static_cast<uint64_t>(took.count()) : 0U);
  }

  void add_to(HistogramTotals& totals) const noexcept {
    for (size_t i = 0; i < kBuckets; ++i) {
      totals.buckets[i] += buckets_[i].get();
    }
    totals.nanoseconds += nanoseconds_.get();
  }

 private:
  std::array<Count, kBuckets> buckets_;
  Count nanoseconds_;
};

}  // namespace pingap::observe

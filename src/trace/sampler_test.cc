#include "trace/sampler.h"

#include <gtest/gtest.h>

#include "base/hash.h"

namespace pingap::trace {
namespace {

using Sampled = Parent::Sampled;

constexpr TimePoint kNow{std::chrono::seconds(1000)};

TraceId trace_of(uint64_t number) {
  return {number, mix64(number * 0x9e3779b97f4a7c15)};
}

size_t sampled(Sampler& sampler, size_t of, Sampled parent = Sampled::unsaid) {
  size_t count = 0;
  for (size_t i = 1; i <= of; ++i) {
    count += sampler.samples(trace_of(i), parent, kNow) ? 1U : 0U;
  }
  return count;
}

TEST(Sampler, TakesItsShare) {
  for (const auto& [ratio, least, most] :
       {std::tuple{1.0, 100'000, 100'000}, {0.0, 0, 0}, {0.01, 800, 1200}, {0.5, 49'000, 51'000}}) {
    Sampler sampler({.ratio = ratio});
    const size_t count = sampled(sampler, 100'000);
    EXPECT_GE(count, static_cast<size_t>(least)) << ratio;
    EXPECT_LE(count, static_cast<size_t>(most)) << ratio;
  }
}

TEST(Sampler, DecidesByTheTraceAlone) {
  Sampler less({.ratio = 0.1});
  Sampler more({.ratio = 0.3});
  for (size_t i = 1; i <= 1000; ++i) {
    if (less.samples(trace_of(i), Sampled::unsaid, kNow)) {
      EXPECT_TRUE(more.samples(trace_of(i), Sampled::unsaid, kNow));
    }
  }
}

TEST(Sampler, GoesByTheParent) {
  Sampler none({.ratio = 0});
  EXPECT_EQ(sampled(none, 10, Sampled::yes), 10U);
  Sampler all({.ratio = 1});
  EXPECT_EQ(sampled(all, 10, Sampled::no), 0U);
  Sampler own({.ratio = 1, .parent_based = false});
  EXPECT_EQ(sampled(own, 10, Sampled::no), 10U);
}

TEST(Sampler, KeepsToItsRate) {
  Sampler sampler({.ratio = 1, .per_second = 5});
  EXPECT_EQ(sampled(sampler, 100), 5U);
  EXPECT_EQ(sampled(sampler, 100, Sampled::yes), 0U);  // parents count, too
  const TimePoint later = kNow + std::chrono::seconds(1);
  EXPECT_TRUE(sampler.samples(trace_of(1), Sampled::unsaid, later));
  // A worker whose clock is behind begins no second anew.
  for (size_t i = 0; i < 100; ++i) {
    sampler.samples(trace_of(1), Sampled::unsaid, kNow);
  }
  EXPECT_FALSE(sampler.samples(trace_of(1), Sampled::unsaid, later));
}

}  // namespace
}  // namespace pingap::trace

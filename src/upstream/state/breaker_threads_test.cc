#include <atomic>
#include <barrier>
#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "upstream/state/breaker.h"

namespace pingap::upstream {
namespace {

// Several threads at the same instant: exactly one probe goes, and each failure in a row counts.
TEST(BreakerThreads, LetOneProbeGo) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 2000;
  Breaker breaker;
  BreakerSettings settings{.max_unreachable = kThreads};
  settings.open_most = settings.open_for;
  std::atomic<int> probes{0};
  std::atomic<int> trips{0};
  std::barrier together(kThreads);
  const auto work = [&](int number) {
    TimePoint now{std::chrono::minutes(1000)};
    for (int round = 0; round < kRounds; ++round, now += settings.open_for) {
      const auto before = breaker.admit(settings, now);
      together.arrive_and_wait();
      if (before &&
          breaker.report(*before, Outcome::unreachable, settings, now) != Breaker::Trip::none) {
        trips.fetch_add(1);
      }
      together.arrive_and_wait();
      now += settings.open_for;
      const auto probe = breaker.admit(settings, now);
      probes.fetch_add(probe ? 1 : 0);
      together.arrive_and_wait();
      if (probe) {
        breaker.report(*probe, Outcome::success, settings, now);
      }
      together.arrive_and_wait();
      EXPECT_EQ(breaker.state(), Breaker::State::closed) << number;
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back(work, i);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(trips.load(), kRounds);
  EXPECT_EQ(probes.load(), kRounds);
}

}  // namespace
}  // namespace pingap::upstream

#include "proxy/spill.h"

#include <algorithm>
#include <array>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace pingap::proxy {
namespace {

constexpr WorkerLoad with_room(uint32_t connections) {
  return {.connections = connections, .has_room = true};
}

constexpr WorkerLoad full(uint32_t connections) {
  return {.connections = connections, .has_room = false};
}

TEST(Spill, AllowsAQuarterMoreThanTheMeanAndEight) {
  EXPECT_EQ(crowd_limit(0, 4), 8u);
  EXPECT_EQ(crowd_limit(4, 4), 9u);
  EXPECT_EQ(crowd_limit(400, 4), 133u);
  EXPECT_EQ(crowd_limit(1'000'000, 16), 78'133u);
  EXPECT_EQ(crowd_limit(uint64_t{1024} * 1'000'000, 1024), 1'250'008u);
}

TEST(Spill, TellsTheLimitWithTheNewConnectionCounted) {
  const std::array<WorkerLoad, 2> loads{with_room(40), with_room(39)};
  EXPECT_EQ(choose_worker(loads, 0).crowd_limit, crowd_limit(80, 2));
}

struct Case {
  const char* name;
  std::vector<WorkerLoad> loads;
  size_t self;
  std::optional<size_t> wanted;
};

TEST(Spill, ChoosesAWorker) {
  const std::vector<Case> cases = {
      {"alone", {with_room(50'000)}, 0, 0},
      {"alone and full", {full(50'000)}, 0, std::nullopt},
      {"the eighth", {with_room(7), with_room(0)}, 0, 0},
      {"few with nobody else", {with_room(12), with_room(0)}, 0, 0},
      // 21 of 21: 1.25 x 10.5 + 8 = 21.1; one more, and 22 are above 21.75.
      {"the last within the limit", {with_room(20), with_room(0)}, 0, 0},
      {"the first above it", {with_room(21), with_room(0)}, 0, 1},
      {"to the emptiest", {with_room(9), with_room(90), with_room(8), with_room(10)}, 1, 2},
      {"to the first of the emptiest", {with_room(9), with_room(90), with_room(9)}, 1, 0},
      {"not crowded beside a fuller one", {with_room(50), with_room(90)}, 0, 0},
      {"past an empty one without room", {full(0), with_room(90), with_room(20)}, 1, 2},
      {"kept where nobody else has room", {full(0), with_room(90), full(20)}, 1, 1},
      {"kept where those with room have more",
       {full(0), full(0), with_room(40), with_room(41)},
       2,
       2},
      {"away from a full one that is not crowded", {with_room(5), full(2), with_room(4)}, 1, 2},
      {"nobody has room", {full(5), full(2), full(4)}, 1, std::nullopt},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(choose_worker(c.loads, c.self).worker, c.wanted) << c.name;
  }
}

TEST(Spill, KeepsTheBusiestWithinTheLimitWhereOneAcceptsAll) {
  for (const size_t workers : {2u, 4u, 16u, 64u}) {
    std::vector<WorkerLoad> loads(workers, with_room(0));
    for (uint32_t total = 1; total <= 2000; ++total) {
      ++loads[*choose_worker(loads, 0).worker].connections;
      const auto busiest = std::max_element(
          loads.begin(), loads.end(),
          [](const auto& a, const auto& b) { return a.connections < b.connections; });
      ASSERT_LE(busiest->connections, crowd_limit(total, workers)) << total << " on " << workers;
    }
  }
}

TEST(Spill, CountsNoHigherThanTheLimitFromAllThreads) {
  std::atomic<uint32_t> count{0};
  std::array<uint32_t, 4> taken{};
  {
    std::vector<std::jthread> threads;
    for (uint32_t& mine : taken) {
      threads.emplace_back([&mine, &count] {
        for (int i = 0; i < 1000; ++i) {
          mine += add_below(count, 1500) ? 1U : 0U;
        }
      });
    }
  }
  EXPECT_EQ(count.load(), 1500u);
  EXPECT_EQ(taken[0] + taken[1] + taken[2] + taken[3], 1500u);
}

}  // namespace
}  // namespace pingap::proxy

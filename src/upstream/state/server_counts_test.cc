#include "upstream/state/server_counts.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "upstream/state/endpoint_state.h"

namespace pingap::upstream {
namespace {

using std::chrono::milliseconds;

constexpr auto kRefused = static_cast<size_t>(ErrorCode::upstream_refused);

TEST(ServerCounts, OfAllWorkersAreAddedUp) {
  EndpointState state(3);  // one of them has counted nothing
  for (const size_t worker : {0U, 2U}) {
    ServerCounts& counts = state.counts[worker];
    counts.add(ServerCounts::requests);
    counts.add(Closed::worn);
    counts.add_answer(204);
    counts.add(ErrorCode::upstream_refused);
    counts.add_handshake(milliseconds(3));
  }
  const ServerTotals totals = state.totals();
  EXPECT_EQ(totals.requests, 2);
  EXPECT_EQ(totals.closed[static_cast<size_t>(Closed::worn)], 2);
  EXPECT_EQ(totals.answers[2], 2);
  EXPECT_EQ(totals.errors[kRefused], 2);
  EXPECT_EQ(totals.handshakes.count(), 2);
}

// There are as many as servers, workers and checks.
TEST(ServerCounts, AreSmallWhereNothingIsWrong) {
  EXPECT_LE(sizeof(ServerCounts), 256);
}

TEST(ServerCounts, AreReadWhileTheFirstOnesAreCounted) {
  for (int round = 0; round < 200; ++round) {
    EndpointState state;
    std::atomic<bool> over{false};
    std::thread worker([&] {
      state.counts[0].add(ErrorCode::upstream_refused);
      state.counts[0].add_handshake(milliseconds(1));
      over = true;
    });
    uint64_t seen = 0;
    while (!over) {
      const uint64_t now = state.totals().errors[kRefused];
      EXPECT_GE(now, seen);
      seen = now;
    }
    worker.join();
    EXPECT_EQ(state.totals().errors[kRefused], 1);
    EXPECT_EQ(state.totals().handshakes.count(), 1);
  }
}

}  // namespace
}  // namespace pingap::upstream

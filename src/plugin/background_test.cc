#include "plugin/background.h"

#include <atomic>
#include <future>
#include <memory>
#include <thread>

#include <gtest/gtest.h>

namespace pingap::plugin {
namespace {

TEST(Background, RunsJobsElsewhere) {
  Background background;
  background.start();
  std::promise<std::thread::id> ran;
  ASSERT_TRUE(background.submit([&] { ran.set_value(std::this_thread::get_id()); }));
  EXPECT_NE(ran.get_future().get(), std::this_thread::get_id());
}

TEST(Background, RefusesWhatWouldWaitTooLong) {
  Background background;
  background.start();
  std::promise<void> go_on;
  const std::shared_future<void> gate = go_on.get_future().share();
  size_t taken = 0;
  while (taken < 1000 && background.submit([gate] { gate.wait(); })) {
    ++taken;
  }
  EXPECT_GE(taken, Background::kMostWaiting);
  EXPECT_LE(taken, Background::kMostWaiting + 2);  // and what runs
  go_on.set_value();
}

TEST(Background, StopWaitsForTheJobUnderWayAndDropsOthers) {
  Background background;
  background.start();
  std::promise<void> started[2];
  std::promise<void> go_on;
  const std::shared_future<void> gate = go_on.get_future().share();
  std::atomic<int> ended{0};
  for (auto& one : started) {
    ASSERT_TRUE(background.submit([&, gate] {
      one.set_value();
      gate.wait();
      ++ended;
    }));
  }
  started[0].get_future().wait();
  started[1].get_future().wait();
  std::atomic<bool> ran{false};
  auto owned = std::make_shared<int>();
  const std::weak_ptr<int> dropped = owned;
  ASSERT_TRUE(background.submit([&, owned = std::move(owned)] { ran = true; }));
  std::thread stopper([&] { background.stop(); });
  while (!dropped.expired()) {
    std::this_thread::yield();
  }
  go_on.set_value();
  stopper.join();
  EXPECT_EQ(ended, 2);
  EXPECT_FALSE(ran);
}

TEST(Background, StartsAgainAfterItsStop) {
  Background background;
  background.start();
  background.stop();
  EXPECT_FALSE(background.submit([] {}));
  background.start();
  std::promise<void> ran;
  ASSERT_TRUE(background.submit([&] { ran.set_value(); }));
  ran.get_future().wait();
}

TEST(Background, RepeatsACallUntilItsOwnerGoes) {
  Background background;
  background.start();
  std::promise<void> enough;
  std::atomic<int> calls{0};
  auto repeated = background.repeat(std::chrono::milliseconds(1), [&] {
    if (++calls == 3) {
      enough.set_value();
    }
  });
  enough.get_future().wait();
  repeated.reset();
  const int seen = calls;
  std::promise<void> ran;  // whatever is due comes before this job
  ASSERT_TRUE(background.submit([&] { ran.set_value(); }));
  ran.get_future().wait();
  EXPECT_EQ(calls, seen);
}

TEST(Background, TheEndOfARepeatedCallWaitsForIt) {
  Background background;
  background.start();
  std::promise<void> started;
  std::promise<void> go_on;
  std::atomic<bool> ended{false};
  std::atomic<bool> first{true};
  auto repeated = background.repeat(std::chrono::milliseconds(1), [&] {
    if (first.exchange(false)) {
      started.set_value();
      go_on.get_future().wait();
      ended = true;
    }
  });
  started.get_future().wait();
  std::thread opener([&] { go_on.set_value(); });
  repeated.reset();
  EXPECT_TRUE(ended);
  opener.join();
}

}  // namespace
}  // namespace pingap::plugin

#include "net/timer.h"

#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace pingap::net {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Waiter {
  void on_expire() noexcept { ++fired; }

  int fired = 0;
  Timer timer{Callback<void()>::of<&Waiter::on_expire>(this)};
};

constexpr TimePoint kStart{hours(1000)};

TEST(TimerWheel, FiresNeverEarlyAndSoonAfter) {
  std::mt19937 random(7);  // NOLINT: the same run each time
  TimerWheel wheel(kStart);
  for (int round = 0; round < 300; ++round) {
    Waiter waiter;
    TimerWheel fresh(kStart);
    const Duration after = milliseconds(random() % (round < 100 ? 500 : 40'000'000));
    fresh.arm(waiter.timer, kStart + after);
    TimePoint now = kStart;
    while (waiter.fired == 0) {
      const TimePoint next = fresh.next();
      ASSERT_NE(next, TimePoint::max());
      ASSERT_GT(next, now);
      now = next;
      fresh.advance(now);
    }
    EXPECT_GE(now, kStart + after);
    EXPECT_LE(now, kStart + after + milliseconds(20));
  }
}

TEST(TimerWheel, CancelledNeverFires) {
  TimerWheel wheel(kStart);
  Waiter waiter;
  wheel.arm(waiter.timer, kStart + seconds(1));
  waiter.timer.cancel();
  wheel.advance(kStart + seconds(5));
  EXPECT_EQ(waiter.fired, 0);
}

TEST(TimerWheel, LaterDeadlineIsKeptWithoutMoving) {
  TimerWheel wheel(kStart);
  Waiter waiter;
  wheel.arm(waiter.timer, kStart + seconds(1));
  wheel.arm(waiter.timer, kStart + seconds(3));
  wheel.advance(kStart + seconds(2));
  EXPECT_EQ(waiter.fired, 0);
  wheel.advance(kStart + seconds(4));
  EXPECT_EQ(waiter.fired, 1);
}

TEST(TimerWheel, EarlierDeadlineMovesIt) {
  TimerWheel wheel(kStart);
  Waiter waiter;
  wheel.arm(waiter.timer, kStart + hours(1));
  wheel.arm(waiter.timer, kStart + seconds(1));
  wheel.advance(kStart + seconds(2));
  EXPECT_EQ(waiter.fired, 1);
}

TEST(TimerWheel, DestroyedTimerIsForgotten) {
  TimerWheel wheel(kStart);
  auto waiter = std::make_unique<Waiter>();
  wheel.arm(waiter->timer, kStart + seconds(1));
  waiter.reset();
  wheel.advance(kStart + seconds(2));
}

TEST(TimerWheel, ManyFireInOneLongStep) {
  TimerWheel wheel(kStart);
  std::vector<std::unique_ptr<Waiter>> waiters;
  for (int i = 0; i < 2000; ++i) {
    waiters.push_back(std::make_unique<Waiter>());
    wheel.arm(waiters.back()->timer, kStart + milliseconds(i * 37));
  }
  wheel.advance(kStart + hours(2));
  for (const auto& waiter : waiters) {
    EXPECT_EQ(waiter->fired, 1);
  }
  EXPECT_EQ(wheel.next(), TimePoint::max());
}

TEST(TimerWheel, ReachesBeyondItsLastLevel) {
  TimerWheel wheel(kStart);
  Waiter waiter;
  wheel.arm(waiter.timer, kStart + hours(24 * 365));
  TimePoint now = kStart;
  while (waiter.fired == 0) {
    now = wheel.next();
    ASSERT_NE(now, TimePoint::max());
    wheel.advance(now);
  }
  EXPECT_GE(now, kStart + hours(24 * 365));
}

}  // namespace
}  // namespace pingap::net

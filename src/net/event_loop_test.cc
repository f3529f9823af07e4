#include "net/event_loop.h"

#include <array>
#include <sys/socket.h>
#include <thread>

#include <gtest/gtest.h>

namespace pingap::net {
namespace {

struct Pair {
  Pair() {
    std::array<int, 2> fds{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds.data()), 0);
    ours = Fd(fds[0]);
    theirs = Fd(fds[1]);
  }

  Fd ours;
  Fd theirs;
};

struct Recorder final : IoHandler, Deferrable, Resumable {
  void on_io(IoEvents ready) noexcept override {
    last = ready;
    ++events;
    if (loop != nullptr) {
      loop->defer(*this);
      loop->defer(*this);
    }
  }

  void on_deferred() noexcept override { ++deferred; }

  void on_resume() noexcept override { ++resumed; }

  EventLoop* loop = nullptr;
  IoEvents last{};
  int events = 0;
  int deferred = 0;
  int resumed = 0;
};

TEST(EventLoop, ReportsReadinessOnce) {
  auto loop = *EventLoop::create();
  Pair pair;
  Recorder recorder;
  ASSERT_TRUE(loop->add(pair.ours.get(), recorder));
  loop->run_once(std::chrono::seconds(1));
  EXPECT_TRUE(recorder.last.writable);
  ASSERT_EQ(::write(pair.theirs.get(), "x", 1), 1);
  loop->run_once(std::chrono::seconds(1));
  EXPECT_TRUE(recorder.last.readable);
  EXPECT_FALSE(recorder.last.hangup);
  pair.theirs.reset();
  loop->run_once(std::chrono::seconds(1));
  EXPECT_TRUE(recorder.last.hangup);
}

TEST(EventLoop, RunsDeferredWorkOncePerEvent) {
  auto loop = *EventLoop::create();
  Pair pair;
  Recorder recorder;
  recorder.loop = loop.get();
  ASSERT_TRUE(loop->add(pair.ours.get(), recorder));
  loop->run_once(std::chrono::seconds(1));
  EXPECT_EQ(recorder.deferred, recorder.events);
}

TEST(EventLoop, ResumesInTheNextTurnOnly) {
  auto loop = *EventLoop::create();
  Recorder recorder;
  loop->resume_later(recorder);
  loop->run_once(std::chrono::seconds(1));
  EXPECT_EQ(recorder.resumed, 1);
}

TEST(EventLoop, DestroysRetiredAtTheEndOfTheTurn) {
  struct Object final : Retirable {
    explicit Object(bool& gone) : gone_(gone) {}

    ~Object() override { gone_ = true; }

    bool& gone_;
  };

  auto loop = *EventLoop::create();
  bool gone = false;
  loop->retire(new Object(gone));
  EXPECT_FALSE(gone);
  loop->run_once(Duration::zero());
  EXPECT_TRUE(gone);
}

TEST(EventLoop, TakesMessagesOfOtherThreadsInOrder) {
  auto loop = *EventLoop::create();
  std::vector<int> seen;
  std::thread sender([&] {
    for (int i = 0; i < 1000; ++i) {
      loop->post([&seen, i] { seen.push_back(i); });
    }
    loop->post([&loop] { loop->stop(); });
  });
  loop->run();
  sender.join();
  ASSERT_EQ(seen.size(), 1000U);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(seen[static_cast<size_t>(i)], i);
  }
}

TEST(EventLoop, WaitsNoLongerThanTheNextTimer) {
  struct Waiter {
    void on_expire() noexcept { fired = true; }

    bool fired = false;
    Timer timer{Callback<void()>::of<&Waiter::on_expire>(this)};
  };

  auto loop = *EventLoop::create();
  Waiter waiter;
  loop->arm(waiter.timer, std::chrono::milliseconds(5));
  while (!waiter.fired) {
    loop->run_once(std::chrono::seconds(60));
  }
}

TEST(EventLoop, TakesTheTimeOfATestForItsTimers) {
  struct Waiter {
    void on_expire() noexcept { fired = true; }

    bool fired = false;
    Timer timer{Callback<void()>::of<&Waiter::on_expire>(this)};
  };

  auto loop = *EventLoop::create();
  Waiter waiter;
  const TimePoint start = loop->now();
  loop->arm(waiter.timer, std::chrono::hours(1));
  loop->run_once_at(start + std::chrono::minutes(59));
  EXPECT_FALSE(waiter.fired);
  loop->run_once_at(start + std::chrono::minutes(61));
  EXPECT_TRUE(waiter.fired);
  EXPECT_EQ(loop->now(), start + std::chrono::minutes(61));
}

}  // namespace
}  // namespace pingap::net

#include "base/stack_sampler.h"

#include <algorithm>
#include <atomic>
#include <pthread.h>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

namespace pingap {
namespace {

std::atomic<bool> stop_spinning{false};
std::atomic<uint64_t> spun{0};

[[gnu::noinline]] void spin() {
  while (!stop_spinning.load()) {
    spun.fetch_add(1);
  }
}

// Another thread that needs CPU time while this lives.
class Spinner {
 public:
  explicit Spinner(const char* name) {
    stop_spinning = false;
    spun = 0;
    thread_ = std::thread([this, name] {
      pthread_setname_np(pthread_self(), name);
      named_ = true;
      spin();
    });
    while (!named_) {
      std::this_thread::yield();
    }
  }

  Spinner(const Spinner&) = delete;
  Spinner& operator=(const Spinner&) = delete;

  ~Spinner() {
    stop_spinning = true;
    thread_.join();
  }

 private:
  std::atomic<bool> named_{false};
  std::thread thread_;
};

// While the thread turns so many times.
std::unique_ptr<StackSampler> sample(uint64_t wanted) {
  auto sampler = StackSampler::start(500, 10'000);
  EXPECT_TRUE(sampler);
  while (spun.load() < wanted) {
    std::this_thread::yield();
  }
  (*sampler)->stop();
  return std::move(*sampler);
}

bool has_code_of(const StackSampler::Stack& stack, void (*function)()) {
  const auto begin = reinterpret_cast<uintptr_t>(function);
  return std::any_of(stack.frames, stack.frames + stack.depth,
                     [&](uintptr_t pc) { return pc >= begin && pc < begin + 512; });
}

constexpr uint64_t kEnough = 30'000'000;  // turns, a good part of a second

TEST(StackSampler, NotesWhereAThreadIs) {
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
  GTEST_SKIP() << "it hands a signal over later, where it suits it";
#endif
#endif
  const Spinner spinner("sampled");
  const auto sampler = sample(kEnough);
  size_t here = 0;
  size_t all = 0;
  for (const auto& stack : sampler->stacks()) {
    if (stack.thread == "sampled") {
      ++all;
      here += has_code_of(stack, spin) ? 1U : 0U;
      EXPECT_GE(stack.depth, 1U);
      EXPECT_LE(stack.depth, StackSampler::kDepth);
    }
  }
  EXPECT_GT(all, 0U);
  EXPECT_GT(here * 10, all * 8);
}

TEST(StackSampler, CountsWhatThereIsNoRoomFor) {
  const Spinner spinner("sampled");
  auto sampler = StackSampler::start(500, 1);
  ASSERT_TRUE(sampler);
  while ((*sampler)->lost() == 0) {
    std::this_thread::yield();
  }
  (*sampler)->stop();
  EXPECT_GT((*sampler)->lost(), 0U);
}

TEST(StackSampler, NumbersThreadsOfOneName) {
  const Spinner spinner("sampled");
  std::atomic<bool> named{false};
  std::thread other([&] {
    pthread_setname_np(pthread_self(), "sampled");
    named = true;
    spin();
  });
  while (!named) {
    std::this_thread::yield();
  }
  const auto sampler = sample(kEnough);
  stop_spinning = true;
  other.join();
  const auto stacks = sampler->stacks();
  for (const char* name : {"sampled-0", "sampled-1"}) {
    EXPECT_TRUE(std::ranges::any_of(stacks, [&](const auto& one) { return one.thread == name; }));
  }
}

// Signals may come late; what they would write to is there.
TEST(StackSampler, StartsAndStopsOftenWhileThreadsWork) {
  const Spinner spinner("sampled");
  for (int i = 0; i < 200; ++i) {
    auto sampler = StackSampler::start(10'000, 100);
    ASSERT_TRUE(sampler);
    (*sampler)->stop();
    (*sampler)->stop();
    (*sampler)->stacks();
  }
}

}  // namespace
}  // namespace pingap

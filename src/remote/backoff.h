// How long to wait before something is tried again: twice as long each time, and not at the same
// moment as all others that have lost the same. One thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <random>

namespace pingap::remote {

class Backoff {
 public:
  using Time = std::chrono::milliseconds;

  static constexpr Time kFirst{100};
  static constexpr Time kLongest{10'000};

  // Half to all of what the next wait is to be at most.
  Time next() {
    const Time whole = next_;
    next_ = std::min(next_ * 2, kLongest);
    std::uniform_int_distribution<Time::rep> spread(whole.count() / 2, whole.count());
    return Time(spread(random_));
  }

  // It went well.
  void reset() noexcept { next_ = kFirst; }

 private:
  Time next_ = kFirst;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace pingap::remote

// How fast a body comes, measured over fixed windows of time: what min_body_rate asks for.
// Worker; a member of the session or stream that reads the body.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace pingap::session {

class BodyRate {
 public:
  // A body begins, or goes on after a time in which it was us who did not read.
  void start(TimePoint now) noexcept {
    bytes_ = 0;
    since_ = now;
  }

  // `bytes` more came. False at the end of a window in which they were fewer than `least` a second.
  bool keeps(size_t bytes, uint32_t least, TimePoint now) noexcept {
    bytes_ += bytes;
    if (now - since_ < std::chrono::seconds(kSeconds)) {
      return true;
    }
    const bool fast = bytes_ >= uint64_t{least} * kSeconds;
    start(now);
    return fast;
  }

 private:
  static constexpr uint32_t kSeconds = 30;

  uint64_t bytes_ = 0;  // since since_
  TimePoint since_{};
};

}  // namespace pingap::session

// What a peer may do often but not endlessly (security.md 1F): tokens that come back with time.
// Pure.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace pingap::http::h2 {

class TokenBucket {
 public:
  constexpr TokenBucket(uint32_t burst, uint32_t per_second) noexcept
      : burst_(burst), per_second_(per_second), tokens_(burst) {}

  // False when there are none left.
  bool take(TimePoint now) noexcept {
    const Duration passed = now - filled_;
    const Duration each = Duration(std::chrono::seconds(1)) / per_second_;
    if (passed >= each) {
      const auto more = static_cast<uint64_t>(passed / each);
      const bool full = more >= burst_ - tokens_;
      tokens_ = full ? burst_ : tokens_ + static_cast<uint32_t>(more);
      filled_ = full ? now : filled_ + each * static_cast<int64_t>(more);
    }
    if (tokens_ == 0) {
      return false;
    }
    --tokens_;
    return true;
  }

 private:
  uint32_t burst_;
  uint32_t per_second_;
  uint32_t tokens_;
  TimePoint filled_{};
};

}  // namespace pingap::http::h2

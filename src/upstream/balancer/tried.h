// Servers that a request has tried, by their index in one set. Worker.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace pingap::upstream::balancer {

// Exact for as many as nearly every request tries; of those before them it remembers the index
// modulo 64, so that some others are passed over, too, and a walk over any number of servers ends.
class Tried {
 public:
  void add(size_t server) noexcept {
    if (contains(server)) {
      return;
    }
    uint32_t& room = last_[count_++ % kExact];
    if (count_ > kExact) {
      before_ |= bit(room);
    }
    room = static_cast<uint32_t>(server);
  }

  // It may be tried once more.
  void remove(size_t server) noexcept {
    const auto end = last_.begin() + std::min(count_, kExact);
    const auto found = std::find(last_.begin(), end, static_cast<uint32_t>(server));
    if (found != end && count_ <= kExact) {
      *found = last_[--count_];
    }
  }

  bool contains(size_t server) const noexcept {
    return count_ > 0 && finds(static_cast<uint32_t>(server));
  }

 private:
  static constexpr uint32_t kExact = 7;

  static uint64_t bit(size_t server) noexcept { return uint64_t{1} << server % 64; }

  bool finds(uint32_t server) const noexcept {
    const auto end = last_.begin() + std::min(count_, kExact);
    return std::find(last_.begin(), end, server) != end || (before_ & bit(server)) != 0;
  }

  uint32_t count_ = 0;  // ever
  std::array<uint32_t, kExact> last_{};
  uint64_t before_ = 0;
};

}  // namespace pingap::upstream::balancer

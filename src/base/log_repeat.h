// Holds back lines of the application log that come again and again, and says how many there were.
// Not thread-safe; the log's lock is held.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace pingap::log {

class Repeats {
 public:
  // The same text: so many times in one window; the same place with any text: so many.
  static constexpr uint32_t kSameText = 10;
  static constexpr uint32_t kSamePlace = 100;
  static constexpr Duration kWindow = std::chrono::seconds(10);

  // Whether the line is written now. How many of its kind were held back before is in `held` then.
  // An empty text counts for its place only.
  bool pass(const void* place, std::string_view text, TimePoint now, uint64_t& held) noexcept;

  // What was held back and not yet said, of windows that are over; and takes it as said.
  uint64_t take_over(TimePoint now) noexcept;

 private:
  struct Slot {
    uint64_t key = 0;  // 0 = free
    TimePoint since{};
    uint32_t seen = 0;
    uint64_t held = 0;
  };

  using Slots = std::array<Slot, 128>;

  Slot& slot_of(Slots& slots, uint64_t key, TimePoint now) noexcept;

  Slots places_{};
  Slots texts_{};            // apart: many texts of one place must not push it out
  uint64_t pushed_out_ = 0;  // held back of slots that were needed for others
};

}  // namespace pingap::log

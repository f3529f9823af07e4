// Deadlines on a hierarchical timer wheel. Worker.
//
// Moving a deadline further away, or cancelling it, only stores a number: the wheel finds out when
// the old place comes round. A request that arms and cancels its timeouts costs a few stores.
#pragma once

#include <array>
#include <cstdint>

#include "base/callback.h"
#include "base/clock.h"
#include "base/intrusive_list.h"

namespace pingap::net {

struct TimerTag;

// A member of whoever waits; unlinks itself when destroyed.
class Timer : public ListHook<TimerTag> {
 public:
  explicit Timer(Callback<void()> on_expire) noexcept : on_expire_(on_expire) {}

  bool armed() const noexcept { return armed_; }

  void cancel() noexcept { armed_ = false; }

 private:
  friend class TimerWheel;

  Callback<void()> on_expire_;
  TimePoint deadline_{};
  uint64_t place_ = 0;  // tick it is filed under
  bool armed_ = false;
};

class TimerWheel {
 public:
  explicit TimerWheel(TimePoint now) noexcept : current_(tick_of(now)) {}

  void arm(Timer& timer, TimePoint deadline) noexcept;
  // Calls what has expired; a timer may arm, cancel or destroy any timer, itself included.
  void advance(TimePoint now) noexcept;
  // When advance() has to run next; TimePoint::max() for never.
  TimePoint next() const noexcept;

 private:
  // 2^23 ns = 8.4 ms a tick; five levels of 64 slots reach 104 days.
  static constexpr unsigned kTickShift = 23;
  static constexpr unsigned kBits = 6;
  static constexpr unsigned kSlots = 1U << kBits;
  static constexpr unsigned kLevels = 5;

  using List = IntrusiveList<Timer, TimerTag>;

  static uint64_t tick_of(TimePoint time) noexcept {
    return static_cast<uint64_t>(time.time_since_epoch().count()) >> kTickShift;
  }

  void file(Timer& timer) noexcept;
  uint64_t next_tick() const noexcept;
  void expire_slot(List& slot, TimePoint now) noexcept;

  uint64_t current_;
  std::array<uint64_t, kLevels> used_{};  // a bit per slot that may hold timers
  std::array<std::array<List, kSlots>, kLevels> slots_;
};

}  // namespace pingap::net

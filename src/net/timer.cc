#include "net/timer.h"

#include <algorithm>
#include <bit>

namespace pingap::net {

void TimerWheel::arm(Timer& timer, TimePoint deadline) noexcept {
  timer.deadline_ = deadline;
  timer.armed_ = true;
  if (timer.linked() && timer.place_ <= tick_of(deadline) + 1) {
    return;  // found again when its place comes round
  }
  file(timer);
}

void TimerWheel::file(Timer& timer) noexcept {
  timer.unlink();
  constexpr uint64_t kReach = (uint64_t{1} << (kBits * kLevels)) - 1;
  // One tick later than the deadline's own, so that it never fires early.
  const uint64_t wanted = std::max(tick_of(timer.deadline_) + 1, current_ + 1);
  const uint64_t place = std::min(wanted, current_ + kReach / 2);
  timer.place_ = place;
  const auto highest = static_cast<unsigned>(std::bit_width(place ^ current_) - 1);
  const unsigned level = std::min(highest / kBits, kLevels - 1);
  const auto slot = static_cast<unsigned>((place >> (kBits * level)) & (kSlots - 1));
  slots_[level][slot].push_back(timer);
  used_[level] |= uint64_t{1} << slot;
}

uint64_t TimerWheel::next_tick() const noexcept {
  for (unsigned level = 0; level < kLevels; ++level) {
    const unsigned shift = kBits * level;
    const auto index = static_cast<unsigned>((current_ >> shift) & (kSlots - 1));
    // Filed by the highest differing bits, so all of a level's timers are behind its index; at the
    // top level the place may have wrapped.
    uint64_t later = used_[level] & ~((uint64_t{2} << index) - 1);
    if (index == kSlots - 1) {
      later = 0;
    }
    if (later != 0) {
      const auto slot = static_cast<uint64_t>(std::countr_zero(later));
      return ((current_ >> (shift + kBits)) << (shift + kBits)) | (slot << shift);
    }
    if (level == kLevels - 1 && used_[level] != 0) {
      const auto slot = static_cast<uint64_t>(std::countr_zero(used_[level]));
      return (((current_ >> (shift + kBits)) + 1) << (shift + kBits)) | (slot << shift);
    }
  }
  return UINT64_MAX;
}

TimePoint TimerWheel::next() const noexcept {
  const uint64_t tick = next_tick();
  return tick == UINT64_MAX ? TimePoint::max()
                            : TimePoint(Duration(static_cast<int64_t>(tick << kTickShift)));
}

void TimerWheel::expire_slot(List& slot, TimePoint now) noexcept {
  List due;
  due.splice_back(slot);
  while (Timer* timer = due.pop_front()) {
    if (!timer->armed_) {
      continue;
    }
    if (timer->deadline_ > now) {
      file(*timer);
      continue;
    }
    timer->armed_ = false;
    timer->on_expire_();
  }
}

void TimerWheel::advance(TimePoint now) noexcept {
  const uint64_t target = tick_of(now);
  while (current_ < target) {
    const uint64_t next = next_tick();
    if (next > target) {
      current_ = target;
      return;
    }
    current_ = next;
    // From the top, so that what moves down a level is seen by the next one.
    for (unsigned level = kLevels; level-- > 0;) {
      const unsigned shift = kBits * level;
      if (level > 0 && (current_ & ((uint64_t{1} << shift) - 1)) != 0) {
        continue;
      }
      const auto slot = static_cast<unsigned>((current_ >> shift) & (kSlots - 1));
      if ((used_[level] & (uint64_t{1} << slot)) != 0) {
        used_[level] &= ~(uint64_t{1} << slot);
        expire_slot(slots_[level][slot], now);
      }
    }
  }
}

}  // namespace pingap::net

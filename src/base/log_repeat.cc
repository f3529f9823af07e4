#include "base/log_repeat.h"

#include <utility>

#include "base/hash.h"

namespace pingap::log {
namespace {

// Places a key may be in.
constexpr size_t kWays = 4;

}  // namespace

// Its slot; or the oldest one of those where it may be, which becomes its own.
Repeats::Slot& Repeats::slot_of(Slots& slots, uint64_t key, TimePoint now) noexcept {
  const size_t first = static_cast<size_t>(key % (slots.size() / kWays)) * kWays;
  Slot* oldest = &slots[first];
  for (size_t i = first; i < first + kWays; ++i) {
    if (slots[i].key == key) {
      return slots[i];
    }
    if (slots[i].since < oldest->since) {
      oldest = &slots[i];
    }
  }
  pushed_out_ += oldest->held;
  *oldest = {.key = key, .since = now};
  return *oldest;
}

bool Repeats::pass(const void* place, std::string_view text, TimePoint now,
                   uint64_t& held) noexcept {
  const auto address = static_cast<uint64_t>(reinterpret_cast<uintptr_t>(place));
  const auto begin = [now](Slot& slot) {
    if (now - slot.since >= kWindow) {
      slot.since = now;
      slot.seen = 0;
    }
    return ++slot.seen;
  };
  Slot& of_place = slot_of(places_, mix64(address) | 1U, now);
  if (begin(of_place) > kSamePlace) {
    ++of_place.held;
    return false;
  }
  held = std::exchange(of_place.held, 0);
  if (text.empty()) {
    return true;
  }
  Slot& of_text = slot_of(texts_, mix64(hash64(text) ^ address) | 1U, now);
  if (begin(of_text) > kSameText) {
    of_text.held += 1 + std::exchange(held, 0);
    return false;
  }
  held += std::exchange(of_text.held, 0);
  return true;
}

uint64_t Repeats::take_over(TimePoint now) noexcept {
  uint64_t sum = std::exchange(pushed_out_, 0);
  for (Slots* slots : {&places_, &texts_}) {
    for (Slot& slot : *slots) {
      if (slot.held > 0 && now - slot.since >= kWindow) {
        sum += std::exchange(slot.held, 0);
      }
    }
  }
  return sum;
}

}  // namespace pingap::log

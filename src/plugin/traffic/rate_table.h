// Who has asked how much: one number for each key (the theoretical arrival time of GCRA), in memory
// of a fixed size that all workers share. Any thread.
//
// A place is only given to another key when its own has its whole allowance back, so that
// forgetting it forgives nothing. Where no place is left, all new keys share one: an attacker with
// many keys gets less, not more.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"

namespace pingap::plugin {

// How fast, and how much at once. Nanoseconds, of the loop's clock.
struct Pace {
  int64_t interval;  // of one request
  int64_t depth;     // burst * interval
};

struct Decision {
  bool passes;
  int64_t wait;  // until the next one passes; 0 if this one does
  int64_t used;  // of the depth, after this one
};

class RateTable {
 public:
  // For about that many keys at a time; 32 bytes each, used as they come.
  explicit RateTable(size_t keys);

  size_t keys() const noexcept { return keys_; }

  // One of `hash`, a keyed hash of who asks.
  Decision ask(uint64_t hash, Pace pace, TimePoint now) noexcept;

  // Keys that had to share a place.
  uint64_t crowded() const noexcept { return crowded_.load(std::memory_order_relaxed); }

  // Unpredictable for peers, the same for the table's life.
  uint64_t hash(std::string_view key) const noexcept;

 private:
  struct Slot {
    uint64_t hash;  // 0 = never used
    int64_t until;  // the theoretical arrival time
  };

  static constexpr size_t kWays = 4;
  static constexpr size_t kLocks = 256;

  struct Bucket {
    std::array<Slot, kWays> slots;
  };

  struct alignas(64) Lock {
    std::atomic<bool> taken{false};
  };

  struct Free {
    size_t bytes;

    void operator()(Bucket* memory) const noexcept;
  };

  // For a new key: how many places its bucket has, and one of them.
  struct Room {
    Slot* slot = nullptr;
    unsigned places = 0;
  };

  static Slot* find(Bucket& bucket, uint64_t hash, int64_t now, Room& room) noexcept;

  const size_t keys_;
  size_t mask_ = 0;
  HashKey seed_{};
  std::unique_ptr<Bucket[], Free> buckets_{nullptr, Free{0}};
  std::unique_ptr<Lock[]> locks_ = std::make_unique<Lock[]>(kLocks);
  std::array<Slot, kLocks> shared_{};  // where no place was left, one by lock
  std::atomic<uint64_t> crowded_{0};
};

}  // namespace pingap::plugin

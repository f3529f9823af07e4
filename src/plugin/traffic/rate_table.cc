#include "plugin/traffic/rate_table.h"

#include <algorithm>
#include <bit>
#include <new>
#include <sys/mman.h>
#include <sys/random.h>
#include <thread>

#include "base/hash.h"

namespace pingap::plugin {
namespace {

// Held for some tens of nanoseconds; a thread that was put to sleep with it is waited for politely.
class Guard {
 public:
  explicit Guard(std::atomic<bool>& taken) noexcept : taken_(taken) {
    for (int spins = 0; taken_.exchange(true, std::memory_order_acquire); ++spins) {
      if (spins > 64) {
        std::this_thread::yield();
      }
    }
  }

  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  ~Guard() { taken_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool>& taken_;
};

Decision decide(int64_t& until, Pace pace, int64_t now) noexcept {
  const int64_t next = std::max(until, now) + pace.interval;
  if (next - now > pace.depth) {
    return {false, next - now - pace.depth, std::max(until, now) - now};
  }
  until = next;
  return {true, 0, next - now};
}

}  // namespace

void RateTable::Free::operator()(Bucket* memory) const noexcept {
  ::munmap(memory, bytes);
}

RateTable::RateTable(size_t keys) : keys_(keys) {
  // Twice the places: then all four buckets that a key may be in are next to never full.
  const size_t buckets = std::bit_ceil(std::max<size_t>(2 * keys / kWays, kLocks));
  mask_ = buckets - 1;
  const size_t bytes = buckets * sizeof(Bucket);
  // Zeroed, and each bucket in one line of the cache. Untouched pages cost nothing; large ones save
  // a look-up of the address with each look at a bucket.
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    throw std::bad_alloc();
  }
  ::madvise(memory, bytes, MADV_HUGEPAGE);
  buckets_ = std::unique_ptr<Bucket[], Free>(static_cast<Bucket*>(memory), Free{bytes});
  while (::getrandom(seed_.data(), sizeof(seed_), 0) != sizeof(seed_)) {
  }
}

uint64_t RateTable::hash(std::string_view key) const noexcept {
  return keyed_hash64(key, seed_) | 1;  // 0 is an unused place
}

// The place of a key, or else one that it may have: in the bucket with the most of these, so that
// none is full while others are nearly empty.
RateTable::Slot* RateTable::find(Bucket& bucket, uint64_t hash, int64_t now, Room& room) noexcept {
  Room here;
  for (Slot& slot : bucket.slots) {
    if (slot.hash == hash) {
      return &slot;
    }
    if (slot.until <= now) {
      here.slot = &slot;
      ++here.places;
    }
  }
  if (here.places > room.places) {
    room = here;
  }
  return nullptr;
}

// All buckets that a key may be in belong to one lock, so that it has one place and no more.
Decision RateTable::ask(uint64_t hash, Pace pace, TimePoint at) noexcept {
  const int64_t now = at.time_since_epoch().count();
  const size_t lock = hash >> 8 & (kLocks - 1);
  const size_t rest = mask_ / kLocks;  // buckets of a lock, less one
  const size_t first = hash >> 16;
  const size_t second = mix64(hash) >> 16;
  __builtin_prefetch(&buckets_[(first & rest) * kLocks + lock], 1);
  const Guard guard(locks_[lock].taken);
  Room room;
  Slot* slot = nullptr;
  for (const size_t place : {first, second, first + 1, second + 1}) {
    slot = find(buckets_[(place & rest) * kLocks + lock], hash, now, room);
    if (slot != nullptr) {
      break;
    }
  }
  if (slot == nullptr && room.slot != nullptr) {
    *room.slot = {hash, 0};
    slot = room.slot;
  }
  if (slot == nullptr) {
    crowded_.fetch_add(1, std::memory_order_relaxed);
    slot = &shared_[lock];
  }
  return decide(slot->until, pace, now);
}

}  // namespace pingap::plugin

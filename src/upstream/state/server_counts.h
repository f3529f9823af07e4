// What a worker counts of one server, from its start. One writer and no lock; who wants to know
// adds up those of all workers.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace pingap::upstream {

// Why a connection to a server came to its end.
enum class Closed : uint8_t {
  idle,     // unused for too long
  by_peer,  // the server closed it while it was unused
  worn,     // old, or used often enough
  surplus,  // more were unused than are kept
  drained,  // the server has left, or we stop
  broken,   // in use, or not even made
  count_,
};

inline constexpr size_t kClosedReasons = static_cast<size_t>(Closed::count_);

struct ServerTotals {
  uint64_t requests = 0;     // tries
  uint64_t retries = 0;      // of those, the repeated ones
  uint64_t failures = 0;     // bad answers
  uint64_t unreachable = 0;  // no answer
  uint64_t opened = 0;       // connections
  uint64_t reused = 0;       // requests on one that was there
  std::array<uint64_t, kClosedReasons> closed{};
};

class alignas(64) ServerCounts {
 public:
  enum Which : uint8_t { requests, retries, failures, unreachable, opened, reused, count_ };

  void add(Which which) noexcept { add_to(counts_[which]); }

  void add(Closed why) noexcept { add_to(closed_[static_cast<size_t>(why)]); }

  // Any thread.
  void add_to(ServerTotals& totals) const noexcept {
    totals.requests += get(counts_[requests]);
    totals.retries += get(counts_[retries]);
    totals.failures += get(counts_[failures]);
    totals.unreachable += get(counts_[unreachable]);
    totals.opened += get(counts_[opened]);
    totals.reused += get(counts_[reused]);
    for (size_t i = 0; i < kClosedReasons; ++i) {
      totals.closed[i] += get(closed_[i]);
    }
  }

 private:
  using Count = std::atomic<uint64_t>;

  static uint64_t get(const Count& count) noexcept { return count.load(std::memory_order_relaxed); }

  // Of one writer: no locked instruction.
  static void add_to(Count& count) noexcept {
    count.store(get(count) + 1, std::memory_order_relaxed);
  }

  std::array<Count, count_> counts_{};
  std::array<Count, kClosedReasons> closed_{};
};

}  // namespace pingap::upstream

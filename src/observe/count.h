// A number that one thread adds to and any thread reads: no locked instruction, no lock. Who wants
// a sum over threads adds up the numbers of each.
#pragma once

#include <atomic>
#include <cstdint>

namespace pingap::observe {

class Count {
 public:
  // The one writer.
  void add(uint64_t more = 1) noexcept { value_.store(get() + more, std::memory_order_relaxed); }

  void subtract() noexcept { value_.store(get() - 1, std::memory_order_relaxed); }

  // Any thread.
  uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

}  // namespace pingap::observe

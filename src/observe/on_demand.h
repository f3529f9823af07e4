// Counts that most of those who could have them never need: there is room for them from the first
// one on. One writer, any reader.
#pragma once

#include <atomic>

namespace pingap::observe {

template <typename Counts>
class OnDemand {
 public:
  OnDemand() = default;
  OnDemand(const OnDemand&) = delete;
  OnDemand& operator=(const OnDemand&) = delete;

  ~OnDemand() { delete counts_.load(std::memory_order_relaxed); }

  // The one writer; allocates the first time.
  Counts& get() {
    Counts* counts = counts_.load(std::memory_order_relaxed);
    if (counts == nullptr) {
      counts = new Counts;
      counts_.store(counts, std::memory_order_release);
    }
    return *counts;
  }

  // Any thread: null as long as nothing was counted.
  const Counts* look() const noexcept { return counts_.load(std::memory_order_acquire); }

 private:
  std::atomic<Counts*> counts_{nullptr};  // ours
};

}  // namespace pingap::observe

// A table that many workers read and somebody replaces now and then, as a whole. Reading is one
// atomic load while nothing has changed.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace pingap::plugin {

template <class T>
class Swapped {
 public:
  Swapped(uint32_t workers, std::shared_ptr<const T> first)
      : current_(std::move(first)), slots_(workers) {}

  // Any thread.
  void publish(std::shared_ptr<const T> next) {
    const std::lock_guard lock(mutex_);
    current_ = std::move(next);
    version_.fetch_add(1, std::memory_order_release);
  }

  // Any thread; takes a lock.
  std::shared_ptr<const T> load() const {
    const std::lock_guard lock(mutex_);
    return current_;
  }

  // What is in use, for that worker alone; it stays until the worker's next call. May be null.
  const T* of(uint32_t worker) const {
    Slot& slot = slots_[worker];
    if (slot.version != version_.load(std::memory_order_acquire)) [[unlikely]] {
      const std::lock_guard lock(mutex_);
      slot.held = current_;
      slot.version = version_.load(std::memory_order_relaxed);
    }
    return slot.held.get();
  }

 private:
  struct alignas(64) Slot {
    uint64_t version = 0;
    std::shared_ptr<const T> held;
  };

  mutable std::mutex mutex_;
  std::shared_ptr<const T> current_;
  std::atomic<uint64_t> version_{1};
  mutable std::vector<Slot> slots_;
};

}  // namespace pingap::plugin

// An object for each worker, made when that worker first asks for it: of thousands of locations a
// worker may see few. An exception to the rule that requests use no heap, once for each.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace pingap::observe {

template <class Cell>
class PerWorker {
 public:
  explicit PerWorker(uint32_t workers) : cells_(workers) {}

  PerWorker(const PerWorker&) = delete;
  PerWorker& operator=(const PerWorker&) = delete;

  ~PerWorker() {
    for (const auto& cell : cells_) {
      std::unique_ptr<Cell>(cell.load());
    }
  }

  // That of worker `index`, which calls.
  Cell& of(uint32_t index) noexcept {
    Cell* cell = cells_[index].load(std::memory_order_relaxed);
    return cell != nullptr ? *cell : make(index);
  }

  // Any thread: calls `look` with those that there are.
  template <class Look>
  void for_each(Look look) const {
    for (const auto& one : cells_) {
      if (const Cell* cell = one.load(std::memory_order_acquire)) {
        look(*cell);
      }
    }
  }

 private:
  [[gnu::noinline, gnu::cold]] Cell& make(uint32_t index) noexcept {
    auto made = std::make_unique<Cell>();
    Cell& cell = *made;
    cells_[index].store(made.release(), std::memory_order_release);
    return cell;
  }

  std::vector<std::atomic<Cell*>> cells_;
};

}  // namespace pingap::observe

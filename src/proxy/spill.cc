#include "proxy/spill.h"

namespace pingap::proxy {
namespace {

// Above the mean: what the hash does with many connections stays below a quarter, and with few of
// them, moving one costs more than it brings.
constexpr uint64_t kSlack = 8;

}  // namespace

uint32_t crowd_limit(uint64_t connections, size_t workers) noexcept {
  return static_cast<uint32_t>(connections * 5 / (workers * 4) + kSlack);
}

WorkerChoice choose_worker(std::span<const WorkerLoad> loads, size_t self) noexcept {
  uint64_t total = 1;  // the new one
  for (const WorkerLoad& load : loads) {
    total += load.connections;
  }
  WorkerChoice choice{.worker = std::nullopt, .crowd_limit = crowd_limit(total, loads.size())};
  const WorkerLoad& own = loads[self];
  if (own.has_room) {
    choice.worker = self;  // before others that have as many
    if (own.connections < choice.crowd_limit) {
      return choice;
    }
  }
  for (size_t i = 0; i < loads.size(); ++i) {
    if (loads[i].has_room &&
        (!choice.worker || loads[i].connections < loads[*choice.worker].connections)) {
      choice.worker = i;
    }
  }
  return choice;
}

bool add_below(std::atomic<uint32_t>& count, uint32_t limit) noexcept {
  uint32_t now = count.load(std::memory_order_relaxed);
  while (now < limit) {
    if (count.compare_exchange_weak(now, now + 1, std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

}  // namespace pingap::proxy

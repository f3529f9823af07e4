// What all workers know of one upstream as a whole. It outlives the configuration that named it.
#pragma once

#include <atomic>
#include <cstdint>

#include "upstream/state/breaker.h"

namespace pingap::upstream {

struct alignas(64) ClusterState {
  Breaker breaker;                   // where it is for the upstream, too
  std::atomic<uint32_t> active{0};   // requests under way, where they are counted
  std::atomic<uint32_t> pending{0};  // requests that wait for a server, of all workers

  // Counts one more that waits, unless there are `most`.
  bool begin_waiting(uint32_t most) noexcept {
    uint32_t count = pending.load();
    while (count < most) {
      if (pending.compare_exchange_weak(count, count + 1)) {
        return true;
      }
    }
    return false;
  }

  void end_waiting() noexcept { pending.fetch_sub(1); }
};

}  // namespace pingap::upstream

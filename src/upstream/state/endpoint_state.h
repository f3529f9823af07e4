// What all workers know of one backend server. It outlives the configuration that named it.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "upstream/state/breaker.h"
#include "upstream/state/server_counts.h"

namespace pingap::upstream {

// Why a server takes nothing new, apart from its breaker.
enum class Out : uint32_t {
  unresolved = 1,  // its name has no address
  unchecked = 2,   // its first health check is to come
  unhealthy = 4,   // says the health check
  draining = 8,    // what is under way ends; sticky clients may still come
  disabled = 16,   // by the operator
};

// On cache lines of its own: with least_conn every request of every worker writes `active`.
struct alignas(64) EndpointState {
  explicit EndpointState(uint32_t workers = 1) : counts(workers) {}

  std::atomic<uint32_t> active{0};  // requests under way; written by all workers
  std::atomic<uint32_t> out{0};     // bits of Out; written by the control thread
  Breaker breaker;
  // Since when it takes requests again, or at all, in ns of the steady clock; 0 = since ever.
  std::atomic<int64_t> new_since{0};
  // A health check has come to its end since it was there; control thread.
  std::atomic<bool> checked{false};
  // When the log last said what is wrong with it, in seconds of the steady clock; all workers.
  std::atomic<int64_t> told_at{-3600};

  std::vector<ServerCounts> counts;  // by worker, which writes it

  ServerTotals totals() const noexcept {
    ServerTotals sum;
    for (const ServerCounts& of_worker : counts) {
      of_worker.add_to(sum);
    }
    return sum;
  }

  bool is_out(Out why) const noexcept {
    return (out.load(std::memory_order_relaxed) & static_cast<uint32_t>(why)) != 0;
  }

  void set_out(Out why, bool is) noexcept {
    const auto bit = static_cast<uint32_t>(why);
    if (is) {
      out.fetch_or(bit, std::memory_order_relaxed);
    } else {
      out.fetch_and(~bit, std::memory_order_relaxed);
    }
  }

  // `anyway`: whatever its breaker says.
  bool takes(TimePoint now, bool anyway) const noexcept {
    return out.load(std::memory_order_relaxed) == 0 && (anyway || breaker.takes(now));
  }

  // The same for a client that was there before: it may still come where others may not.
  bool takes_known(TimePoint now) const noexcept {
    return (out.load(std::memory_order_relaxed) & ~static_cast<uint32_t>(Out::draining)) == 0 &&
           breaker.takes(now);
  }

  // It was not there before. Where there are checks it waits for its first one.
  void arrive(TimePoint now, bool has_checks) noexcept {
    begin(now);
    checked.store(false, std::memory_order_relaxed);
    set_out(Out::unhealthy, false);
    set_out(Out::unchecked, has_checks);
  }

  // It begins to take requests.
  void begin(TimePoint now) noexcept {
    new_since.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }
};

}  // namespace pingap::upstream

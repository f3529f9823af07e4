// What all workers know of one backend server. It outlives the configuration that named it.
#pragma once

#include <atomic>
#include <cstdint>

namespace pingap::upstream {

// On a cache line of its own: with least_conn every request of every worker writes `active`.
struct alignas(64) EndpointState {
  std::atomic<uint32_t> active{0};  // requests under way; written by all workers
  std::atomic<bool> healthy{true};  // written by the health check, read by all workers
  // When the log last said what is wrong with it, in seconds of the steady clock; all workers.
  std::atomic<int64_t> told_at{-3600};
};

}  // namespace pingap::upstream

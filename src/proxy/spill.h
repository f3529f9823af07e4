// Which worker serves a new connection. The kernel spreads connections over the workers' sockets by
// a hash of their addresses, which is even only for many of them; so a worker that has too many
// hands the next one to the emptiest. Pure rules over counts; any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace pingap::proxy {

// What a worker has, in the eyes of one that looks for a place.
struct WorkerLoad {
  uint32_t connections = 0;
  bool has_room = false;  // may have one more of the listener in question
};

struct WorkerChoice {
  std::optional<size_t> worker;  // nullopt: nobody has room
  uint32_t crowd_limit = 0;      // of now
};

// A worker with more than this is crowded, where `workers` have `connections` together.
uint32_t crowd_limit(uint64_t connections, size_t workers) noexcept;

// Where a connection goes that worker `self` has accepted, and that is not counted yet: there, or,
// when it is crowded by it or has no room, to the emptiest with room.
WorkerChoice choose_worker(std::span<const WorkerLoad> loads, size_t self) noexcept;

// Counts one more, unless there are `limit`.
bool add_below(std::atomic<uint32_t>& count, uint32_t limit) noexcept;

}  // namespace pingap::proxy

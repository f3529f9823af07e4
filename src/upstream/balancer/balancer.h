// Which server of an upstream takes the next try. Pure: no socket, no clock.
//
// A Plan is built on the control thread and shared by all workers; what changes with each pick is
// in the Cursor, of which every worker has its own, so that workers do not wait for each other.
// Only EndpointState is written by several threads. No pick allocates.
//
//   round_robin, weighted_round_robin   O(1): a precomputed round of turns
//   random                              O(1): the less loaded of two
//   ip_hash, hash                       O(log n): a ring
//   least_conn                          O(n): reads each server's count
//
// Where servers are down, a pick looks at up to all n.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/model.h"
#include "upstream/balancer/ring.h"
#include "upstream/endpoint_state.h"

namespace pingap::upstream::balancer {

struct Server {
  std::string id;       // as configured, e.g. its address: decides its place for consistent hashing
  uint32_t weight = 1;  // 0 = takes nothing new
  const EndpointState* state = nullptr;  // outlives the plan
};

// What a pick depends on besides the servers.
struct Request {
  std::optional<uint64_t> key;  // of the hash algorithms (hash_key.h); without one: round robin
  // Servers not to pick, having been tried: bit `index % 64`. (Of more than 64 servers some that
  // were not tried are passed over, too.)
  uint64_t tried = 0;
};

// One worker's place in the rounds.
struct Cursor {
  uint64_t turn = 0;
  uint64_t random = 0;
};

class Plan {
 public:
  Plan() = default;
  // `max_active`: a server with as many requests under way is not picked; 0 = no limit.
  Plan(config::Algorithm algorithm, std::span<const Server> servers, uint32_t max_active = 0);

  // Where a worker begins: not all at the same server.
  Cursor start(uint32_t worker, uint32_t workers) const noexcept;

  // The index of a server that is healthy, below its limit and not tried; -1 when there is none.
  int pick(const Request& request, Cursor& cursor) const noexcept;

 private:
  bool usable(size_t server, uint64_t tried) const noexcept {
    const Entry& entry = servers_[server];
    return (tried >> server % 64 & 1) == 0 && entry.weight > 0 &&
           entry.state->healthy.load(std::memory_order_relaxed) &&
           (max_active_ == 0 || active(server) < max_active_);
  }

  uint32_t active(size_t server) const noexcept {
    return servers_[server].state->active.load(std::memory_order_relaxed);
  }

  // `a` has less under way than `b` for its weight.
  bool less_loaded(size_t a, size_t b) const noexcept {
    return uint64_t{active(a)} * servers_[b].weight < uint64_t{active(b)} * servers_[a].weight;
  }

  int pick_by_turn(uint64_t tried, Cursor& cursor) const noexcept;
  int pick_least_loaded(uint64_t tried, Cursor& cursor) const noexcept;
  int pick_of_two(uint64_t tried, Cursor& cursor) const noexcept;
  int pick_by_key(uint64_t key, uint64_t tried) const noexcept;
  int pick_any(uint64_t tried, Cursor& cursor) const noexcept;

  struct Entry {
    const EndpointState* state;
    uint32_t weight;
  };

  config::Algorithm algorithm_ = config::Algorithm::round_robin;
  uint32_t max_active_ = 0;
  std::vector<Entry> servers_;
  std::vector<uint32_t> round_;  // of turns
  Ring ring_;
};

}  // namespace pingap::upstream::balancer

// Which server of an upstream takes the next try. Pure: no socket, no clock of its own.
//
// A Plan is built on the control thread and shared by all workers; what changes with each pick is
// in the Cursor, of which every worker has its own, so that workers do not wait for each other.
// Only EndpointState is written by several threads. No pick allocates.
//
//   round_robin, weighted_round_robin   O(1): a precomputed round of turns
//   random                              O(1): the less loaded of two
//   ip_hash, hash                       O(log n): a ring
//   least_conn                          O(n) up to 32 servers: reads each one's count; of more it
//                                       looks at 16, which others each time
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
#include "upstream/balancer/tried.h"
#include "upstream/state/endpoint_state.h"

namespace pingap::upstream::balancer {

struct Server {
  std::string id;       // as configured, e.g. its address: decides its place for consistent hashing
  uint32_t weight = 1;  // 0 = takes nothing new
  const EndpointState* state = nullptr;  // outlives the plan
};

// What a pick depends on besides the servers.
struct Request {
  std::optional<uint64_t> key{};  // of the hash algorithms (hash_key.h); without one: round robin
  Tried tried{};                  // servers not to pick
  size_t first = 0;               // the index that a plan's first server has in `tried`
  TimePoint now{};                // of the turn, for servers that are tried again after a time
  size_t least_tier = 0;          // tiers of priority before it are passed over
  uint64_t under_way = 0;         // requests of the upstream, about; for hashing with bounded load
  bool anyway = false;            // too many servers are out: breakers do not count
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
  // `balance_percent`: of its share of all requests under way, what a server may have at most with
  // hashing; then the next one on the ring gets them. 0 = no such bound.
  Plan(config::Algorithm algorithm, std::span<const Server> servers, uint32_t max_active = 0,
       uint32_t balance_percent = 0);

  // Where a worker begins: not all at the same server.
  Cursor start(uint32_t worker, uint32_t workers) const noexcept;

  // Makes a cursor of another plan one of this.
  void fit(Cursor& cursor) const noexcept;

  // The index of a server that takes requests, is below its limit and not tried; -1 when there is
  // none.
  int pick(const Request& request, Cursor& cursor) const noexcept;

 private:
  bool usable(size_t server, const Request& request) const noexcept {
    const Entry& entry = servers_.data()[server];  // no index here comes from outside
    return !request.tried.contains(request.first + server) && entry.weight > 0 &&
           entry.state->takes(request.now, request.anyway) &&
           (max_active_ == 0 || active(server) < max_active_);
  }

  uint32_t active(size_t server) const noexcept {
    return servers_[server].state->active.load(std::memory_order_relaxed);
  }

  // `a` has less under way than `b` for its weight.
  bool less_loaded(size_t a, size_t b) const noexcept {
    return uint64_t{active(a)} * servers_[b].weight < uint64_t{active(b)} * servers_[a].weight;
  }

  int pick_by_turn(const Request& request, Cursor& cursor) const noexcept;
  int pick_least_loaded(const Request& request, Cursor& cursor) const noexcept;
  int pick_of_two(const Request& request, Cursor& cursor) const noexcept;
  bool within_bound(size_t server, const Request& request) const noexcept;
  int pick_among(size_t first, size_t count, const Request& request, Cursor& cursor) const noexcept;
  int pick_by_key(uint64_t key, const Request& request) const noexcept;
  int pick_any(const Request& request, Cursor& cursor) const noexcept;

  struct Entry {
    const EndpointState* state;
    uint32_t weight;
  };

  config::Algorithm algorithm_ = config::Algorithm::round_robin;
  uint32_t max_active_ = 0;
  uint32_t balance_percent_ = 0;
  uint64_t weights_ = 0;  // in all
  std::vector<Entry> servers_;
  std::vector<uint32_t> round_;  // of turns
  Ring ring_;
};

}  // namespace pingap::upstream::balancer

#include "upstream/balancer/balancer.h"

#include <algorithm>
#include <bit>

#include "base/hash.h"
#include "upstream/balancer/schedule.h"

namespace pingap::upstream::balancer {
namespace {

using config::Algorithm;

// Turns or draws that may hit a server out of use before all servers are looked at.
constexpr size_t kProbes = 16;

// More servers than this are not all looked at for the least loaded one: each look is a cache line
// that other workers write to.
constexpr size_t kLookAtAll = 32;
constexpr size_t kLooks = 16;
static_assert(kLookAtAll <= 64 && kLooks <= 64);  // a bit each

uint64_t next_random(Cursor& cursor) noexcept {
  cursor.random += 0x9e3779b97f4a7c15;
  return mix64(cursor.random);
}

// A number below `limit`, which is not 0. The bias of the remainder is 2^-32 at most.
uint64_t next_below(Cursor& cursor, uint64_t limit) noexcept {
  return next_random(cursor) % limit;
}

}  // namespace

Plan::Plan(Algorithm algorithm, std::span<const Server> servers, uint32_t max_active,
           uint32_t balance_percent)
    : algorithm_(algorithm), max_active_(max_active), balance_percent_(balance_percent) {
  const bool none = std::all_of(servers.begin(), servers.end(),
                                [](const Server& server) { return server.weight == 0; });
  std::vector<uint32_t> weights;
  std::vector<Ring::Member> members;
  for (const Server& server : servers) {
    const uint32_t weight = none ? 1 : server.weight;
    weights.push_back(weight);
    members.push_back({server.id, weight});
    servers_.push_back({server.state, server.weight});
    weights_ += weight;
  }
  round_ = make_schedule(weights);
  if (algorithm == Algorithm::ip_hash || algorithm == Algorithm::hash) {
    ring_ = Ring(members);
  }
}

Cursor Plan::start(uint32_t worker, uint32_t workers) const noexcept {
  const uint64_t turn = workers == 0 ? 0 : uint64_t{worker} * round_.size() / workers;
  return {.turn = turn, .random = mix64(worker + 1)};
}

void Plan::fit(Cursor& cursor) const noexcept {
  cursor.turn = round_.empty() ? 0 : cursor.turn % round_.size();
}

int Plan::pick(const Request& request, Cursor& cursor) const noexcept {
  if (servers_.size() <= 1) {
    return !servers_.empty() && usable(0, request) ? 0 : -1;
  }
  switch (algorithm_) {
    case Algorithm::round_robin:
    case Algorithm::weighted_round_robin:
      break;
    case Algorithm::least_conn:
      return pick_least_loaded(request, cursor);
    case Algorithm::random:
      return pick_of_two(request, cursor);
    case Algorithm::ip_hash:
    case Algorithm::hash:
      if (request.key) {
        return pick_by_key(*request.key, request);
      }
      break;
  }
  return pick_by_turn(request, cursor);
}

int Plan::pick_by_turn(const Request& request, Cursor& cursor) const noexcept {
  for (size_t probe = 0; probe < kProbes; ++probe) {
    const uint32_t server = round_[cursor.turn];
    cursor.turn = cursor.turn + 1 == round_.size() ? 0 : cursor.turn + 1;
    if (usable(server, request)) {
      return static_cast<int>(server);
    }
  }
  return pick_any(request, cursor);
}

// A random one of all that are usable, by their weights.
int Plan::pick_any(const Request& request, Cursor& cursor) const noexcept {
  uint64_t sum = 0;
  for (size_t i = 0; i < servers_.size(); ++i) {
    sum += usable(i, request) ? servers_[i].weight : 0;
  }
  if (sum == 0) {
    return -1;
  }
  uint64_t left = next_below(cursor, sum);
  int last = -1;
  for (size_t i = 0; i < servers_.size(); ++i) {
    if (!usable(i, request)) {
      continue;
    }
    last = static_cast<int>(i);
    if (left < servers_[i].weight) {
      break;
    }
    left -= servers_[i].weight;
  }
  return last;  // another worker may have changed what is usable between the loops
}

// The least loaded of some that are not the same ones each time is nearly that of all.
int Plan::pick_least_loaded(const Request& request, Cursor& cursor) const noexcept {
  const size_t count = servers_.size();
  if (count <= kLookAtAll) {
    return pick_among(0, count, request, cursor);
  }
  const size_t first = next_below(cursor, count);
  const int found = pick_among(first, kLooks, request, cursor);
  return found >= 0 ? found : pick_any(request, cursor);
}

// Of `count` servers from `first` on, 64 at most. Several that are equally little loaded take turns
// by their weights.
int Plan::pick_among(size_t first, size_t count, const Request& request,
                     Cursor& cursor) const noexcept {
  uint64_t best_active = 0;
  uint64_t best_weight = 1;
  uint64_t ties = 0;  // those that are as good as the best, a bit each
  uint64_t tied = 0;  // their weights
  const auto at = [first, all = servers_.size()](size_t i) {  // a division is as slow as a look
    return first + i < all ? first + i : first + i - all;
  };
  for (size_t i = 0; i < count; ++i) {
    const size_t server = at(i);
    if (!usable(server, request)) {
      continue;
    }
    const uint64_t weight = servers_[server].weight;
    const uint64_t load = active(server);
    if (ties == 0 || load * best_weight < best_active * weight) {
      best_active = load;
      best_weight = weight;
      ties = uint64_t{1} << i;
      tied = weight;
      continue;
    }
    const auto equal = static_cast<uint64_t>(load * best_weight == best_active * weight);
    ties |= equal << i;  // no branch: which are equal cannot be foretold
    tied += equal * weight;
  }
  if (ties == 0) {
    return -1;
  }
  uint64_t left = std::has_single_bit(ties) ? 0 : cursor.turn++ % tied;
  for (;; ties &= ties - 1) {
    const size_t server = at(static_cast<size_t>(std::countr_zero(ties)));
    if (left < servers_[server].weight) {
      return static_cast<int>(server);
    }
    left -= servers_[server].weight;
  }
}

int Plan::pick_of_two(const Request& request, Cursor& cursor) const noexcept {
  int first = -1;
  for (size_t probe = 0; probe < kProbes; ++probe) {
    const uint32_t server = round_[next_below(cursor, round_.size())];
    if (static_cast<int>(server) == first || !usable(server, request)) {
      continue;
    }
    if (first >= 0) {
      return less_loaded(server, static_cast<size_t>(first)) ? static_cast<int>(server) : first;
    }
    first = static_cast<int>(server);
  }
  return first >= 0 ? first : pick_any(request, cursor);
}

// Not much more than its share of what is under way, so that one key that everybody asks for does
// not drown its server (consistent hashing with bounded loads, Mirrokni et al. 2016).
bool Plan::within_bound(size_t server, const Request& request) const noexcept {
  return balance_percent_ == 0 ||
         uint64_t{active(server)} * weights_ * 100 <
             (request.under_way + 1) * servers_[server].weight * balance_percent_ + weights_ * 100;
}

int Plan::pick_by_key(uint64_t key, const Request& request) const noexcept {
  size_t place = ring_.find(key);
  for (size_t probe = 0; probe < kProbes; ++probe, place = ring_.next(place)) {
    const uint32_t server = ring_.server(place);
    if (usable(server, request) && within_bound(server, request)) {
      return static_cast<int>(server);
    }
  }
  // Not to walk the whole ring for nothing.
  bool some = false;
  for (size_t i = 0; i < servers_.size() && !some; ++i) {
    some = usable(i, request);
  }
  place = ring_.find(key);  // where all have more than their share, a key has its own server
  for (size_t i = 0; some && i < ring_.size(); ++i, place = ring_.next(place)) {
    const uint32_t server = ring_.server(place);
    if (usable(server, request)) {
      return static_cast<int>(server);
    }
  }
  return -1;
}

}  // namespace pingap::upstream::balancer

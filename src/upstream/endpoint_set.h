// The servers that an upstream has at a time, and which of them takes the next try. Immutable:
// built by the control thread, shared by all workers; another set takes its place when they change.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/model.h"
#include "upstream/balancer/balancer.h"
#include "upstream/endpoint.h"

namespace pingap::upstream {

using Endpoints = std::vector<std::shared_ptr<const Endpoint>>;

// How the servers of an upstream share its requests.
struct Balancing {
  config::Algorithm algorithm = config::Algorithm::round_robin;
  uint32_t max_active = 0;       // requests under way on a server, of all workers; 0 = no limit
  uint32_t balance_percent = 0;  // as in balancer::Plan
  Duration slow_start{};         // until a newcomer has its whole share; 0 = at once
  std::string sticky_secret;     // by which servers get their tokens; empty = they have none
  std::string upstream;          // its name, of which tokens are, too
};

class EndpointSet {
 public:
  // Tiers of priority that are told apart; the last takes the rest.
  static constexpr size_t kTiers = 4;

  // A worker's place in the rounds of each tier.
  using Cursors = std::array<balancer::Cursor, kTiers>;

  EndpointSet(const Balancing& balancing, Endpoints endpoints);
  EndpointSet(const EndpointSet&) = delete;
  EndpointSet& operator=(const EndpointSet&) = delete;

  // By priority; the index is what pick() gives.
  const Endpoints& endpoints() const noexcept { return endpoints_; }

  Cursors start(uint32_t worker, uint32_t workers) const noexcept;
  // Goes on with those of the set before.
  void fit(Cursors& cursors) const noexcept;

  // Of the first tier that has one, from least_tier on: a server that takes requests, is below its
  // limit and was not tried. -1 when there is none.
  int pick(const balancer::Request& request, Cursors& cursors) const noexcept;

  // Those that stand in when the tier of this server is out; 0 where nobody does.
  size_t tier_after(size_t index) const noexcept;

  // The breakers of more than so many percent of the servers are open, so that it is hardly them,
  // and no tier is whole that could stand in. That of a server that is alone is one of the whole
  // upstream: it counts only where it has not answered.
  bool too_many_are_out(TimePoint now, uint32_t most_percent) const noexcept;

  // A server of the same name by an address of the other family (RFC 8305); nothing where there is
  // none.
  std::optional<size_t> other_family(size_t index) const noexcept;

  // What a client holds that is to come back to this server; tells nothing about it.
  std::string_view token(size_t index) const noexcept { return tokens_[index]; }

  // The server with this token that takes requests of clients that were there before; -1 = none.
  int find(std::string_view token, const balancer::Request& request) const noexcept;

 private:
  struct Tier {
    size_t first;
    balancer::Plan plan;
  };

  std::optional<size_t> sound_tier(const balancer::Request& request,
                                   const Cursors& cursors) const noexcept;
  int pick_in(const Tier& tier, const balancer::Request& all,
              balancer::Cursor& cursor) const noexcept;
  bool holds_back(const EndpointState& state, TimePoint now,
                  balancer::Cursor& cursor) const noexcept;
  void make_tokens(const Balancing& balancing);
  void match_families();

  const Duration slow_start_;
  const uint32_t max_active_;
  const balancer::Plan* plain_ = nullptr;  // of the only tier, where nobody passes a turn on
  Endpoints endpoints_;
  std::vector<Tier> tiers_;
  std::vector<uint32_t> other_family_;  // by index, one more than that; empty where nobody has one
  std::vector<std::string> tokens_;     // by index; empty without a secret
  std::unordered_map<std::string_view, size_t> by_token_;  // of tokens_
};

}  // namespace pingap::upstream

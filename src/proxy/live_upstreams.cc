#include "proxy/live_upstreams.h"

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

namespace pingap::proxy {

using upstream::EndpointSet;
using upstream::HealthMonitor;
using upstream::Membership;

namespace {

std::string_view state_of(const upstream::EndpointState& state) noexcept {
  using upstream::Breaker;
  using upstream::Out;
  for (const auto& [why, name] :
       {std::pair{Out::disabled, "disabled"}, std::pair{Out::draining, "draining"},
        std::pair{Out::unresolved, "unresolved"}, std::pair{Out::unhealthy, "unhealthy"},
        std::pair{Out::unchecked, "unchecked"}}) {
    if (state.is_out(why)) {
      return name;
    }
  }
  switch (state.breaker.state()) {
    case Breaker::State::closed:
      break;
    case Breaker::State::open:
      return "out";
    case Breaker::State::half_open:
      return "probing";
  }
  return "up";
}

}  // namespace

LiveUpstreams::LiveUpstreams(net::EventLoop& loop, std::shared_ptr<const Snapshot> snapshot,
                             Server& server, upstream::MakeStoreSource make_store_source)
    : loop_(loop),
      server_(server),
      snapshot_(std::move(snapshot)),
      discovery_(loop, std::move(make_store_source)) {
  upstreams_.reserve(snapshot_->clusters.size());
  for (const auto& cluster : snapshot_->clusters) {
    upstreams_.push_back(make(cluster));
  }
}

LiveUpstreams::Live LiveUpstreams::make(const std::shared_ptr<const Cluster>& cluster) {
  Live live{cluster, nullptr, nullptr};
  if (cluster->health) {
    live.health = std::make_unique<HealthMonitor>(loop_, *cluster->health, cluster->name);
  }
  const auto publish = [this, index = cluster->index, health = live.health.get()](
                           const std::shared_ptr<const EndpointSet>& servers) {
    server_.update(index, servers);
    if (health != nullptr) {
      health->watch(*servers);
    }
  };
  live.members =
      std::make_unique<Membership>(Membership::Settings{.balancing = cluster->balancing,
                                                        .known = cluster->known,
                                                        .checked = cluster->health.has_value(),
                                                        .own = &own_},
                                   cluster->servers->endpoints(), publish);
  for (auto& source :
       discovery_.make_sources(cluster->name, cluster->discovery, cluster->default_port)) {
    live.members->add_source(std::move(source));
  }
  live.members->start();
  return live;
}

void LiveUpstreams::serve(const Live& live, const Membership* before) {
  live.members->serve(before);
  for (const auto& endpoint : live.members->current().endpoints()) {
    // A server that was there before may bear what nobody looks at any more.
    endpoint->state->set_out(upstream::Out::unresolved, !endpoint->address);
    if (live.health == nullptr) {
      endpoint->state->set_out(upstream::Out::unhealthy, false);
      endpoint->state->set_out(upstream::Out::unchecked, false);
    }
  }
  if (live.health != nullptr) {
    live.health->watch(live.members->current());
  }
}

void LiveUpstreams::serve() {
  for (const Live& live : upstreams_) {
    server_.update(live.cluster->index, live.members->current_set());
    serve(live, nullptr);
  }
}

// ---- another configuration

bool LiveUpstreams::has(const Cluster& cluster) const noexcept {
  return std::ranges::any_of(upstreams_,
                             [&](const Live& one) { return one.cluster.get() == &cluster; });
}

void LiveUpstreams::prepare(const Snapshot& next) {
  next_.clear();
  for (const auto& cluster : next.clusters) {
    if (!has(*cluster)) {
      next_.push_back(make(cluster));
    }
  }
}

bool LiveUpstreams::prepared() const noexcept {
  return std::ranges::all_of(next_, [](const Live& one) { return one.members->settled(); });
}

ClusterSets LiveUpstreams::commit(std::shared_ptr<const Snapshot> next) {
  std::unordered_map<std::string_view, const Membership*> before;
  for (const Live& live : upstreams_) {
    before.emplace(live.cluster->name, live.members.get());
  }
  ClusterSets sets;
  for (const Live& live : next_) {
    const auto found = before.find(live.cluster->name);
    serve(live, found == before.end() ? nullptr : found->second);
    sets.emplace(live.cluster->index, live.members->current_set());
  }
  std::erase_if(upstreams_, [&](const Live& one) {
    return std::ranges::find(next->clusters, one.cluster) == next->clusters.end();
  });
  std::ranges::move(next_, std::back_inserter(upstreams_));
  next_.clear();
  snapshot_ = std::move(next);
  return sets;
}

std::string LiveUpstreams::ServerReport::to_string() const {
  uint64_t closed = 0;
  for (const uint64_t count : totals.closed) {
    closed += count;
  }
  return fmt::format(
      "upstream {}: {} is {}, weight {}; requests {} ({} repeated, {} failed, {} without an "
      "answer), "
      "connections {} ({} opened, {} times reused)",
      upstream, server, state, weight, totals.requests, totals.retries, totals.failures,
      totals.unreachable, totals.opened - closed, totals.opened, totals.reused);
}

std::vector<LiveUpstreams::ServerReport> LiveUpstreams::report() const {
  std::vector<ServerReport> all;
  for (const Live& live : upstreams_) {
    for (const auto& endpoint : live.members->current().endpoints()) {
      const upstream::EndpointState& state = *endpoint->state;
      all.push_back({live.members->upstream(), endpoint->name, state_of(state), endpoint->weight,
                     endpoint->priority, state.active.load(std::memory_order_relaxed),
                     state.totals()});
    }
  }
  return all;
}

std::vector<std::string_view> LiveUpstreams::asking_all() const {
  std::vector<std::string_view> all;
  for (const Live& live : upstreams_) {
    if (upstream::asks_all(live.cluster->backends, live.members->current(), loop_.now())) {
      all.push_back(live.members->upstream());
    }
  }
  return all;
}

Membership* LiveUpstreams::find(std::string_view upstream) const noexcept {
  for (const Live& live : upstreams_) {
    if (live.members->upstream() == upstream) {
      return live.members.get();
    }
  }
  return nullptr;
}

bool LiveUpstreams::set(std::string_view upstream, std::string_view server, Order order) {
  const Membership* members = find(upstream);
  bool found = false;
  for (size_t i = 0; members != nullptr && i < members->current().endpoints().size(); ++i) {
    const upstream::Endpoint& endpoint = *members->current().endpoints()[i];
    if (endpoint.name == server) {
      endpoint.state->set_out(upstream::Out::draining, order == Order::drain);
      endpoint.state->set_out(upstream::Out::disabled, order == Order::disable);
      found = true;
    }
  }
  return found;
}

bool LiveUpstreams::set_weight(std::string_view upstream, std::string_view server,
                               uint32_t weight) {
  Membership* members = find(upstream);
  return members != nullptr && members->set_weight(server, weight);
}

void LiveUpstreams::set_own(std::vector<net::Address> listening) {
  own_.set(std::move(listening));
  for (const Live& live : upstreams_) {
    live.members->look_again();
  }
}

std::vector<LiveUpstreams::LeftOut> LiveUpstreams::left_out() const {
  std::vector<LeftOut> all;
  for (const Live& live : upstreams_) {
    if (live.members->looks()) {
      all.push_back({live.members->upstream(), live.members->left_out()});
    }
  }
  return all;
}

bool LiveUpstreams::settled() const noexcept {
  return std::ranges::all_of(upstreams_, [](const Live& one) { return one.members->settled(); });
}

}  // namespace pingap::proxy

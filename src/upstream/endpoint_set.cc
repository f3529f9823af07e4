#include "upstream/endpoint_set.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/hash.h"

namespace pingap::upstream {
namespace {

// A newcomer has at least this part of its share.
constexpr uint64_t kFirstPercent = 10;
constexpr size_t kTokenBytes = 16;

// Half of an HMAC-SHA-256, in hexadecimal: nobody can make one without the secret, and it says
// nothing.
std::string make_token(const Balancing& balancing, const std::string& server) {
  const std::string text = balancing.upstream + '\0' + server;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (HMAC(EVP_sha256(), balancing.sticky_secret.data(),
           static_cast<int>(balancing.sticky_secret.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(),
           &size) == nullptr) {
    return {};
  }
  std::string token;
  for (size_t i = 0; i < kTokenBytes; ++i) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    token += kDigits[digest[i] >> 4];
    token += kDigits[digest[i] & 15];
  }
  return token;
}

// Those of one priority stay in their order.
Endpoints by_priority(Endpoints endpoints) {
  std::map<uint32_t, Endpoints> tiers;
  for (auto& endpoint : endpoints) {
    tiers[endpoint->priority].push_back(std::move(endpoint));
  }
  endpoints.clear();
  for (auto& [priority, tier] : tiers) {
    std::ranges::move(tier, std::back_inserter(endpoints));
  }
  return endpoints;
}

}  // namespace

EndpointSet::EndpointSet(const Balancing& balancing, Endpoints endpoints)
    : slow_start_(balancing.slow_start),
      max_active_(balancing.max_active),
      endpoints_(by_priority(std::move(endpoints))) {
  for (size_t first = 0; first < endpoints_.size();) {
    const uint32_t priority = endpoints_[first]->priority;
    const bool last = tiers_.size() + 1 == kTiers;
    std::vector<balancer::Server> servers;
    size_t end = first;
    while (end < endpoints_.size() && (last || endpoints_[end]->priority == priority)) {
      const Endpoint& endpoint = *endpoints_[end++];
      servers.push_back({endpoint.name, endpoint.weight, endpoint.state.get()});
    }
    tiers_.push_back({first, balancer::Plan(balancing.algorithm, servers, balancing.max_active,
                                            balancing.balance_percent)});
    first = end;
  }
  if (tiers_.size() == 1 && slow_start_ == Duration::zero()) {
    plain_ = &tiers_.front().plan;
  }
  match_families();
  if (!balancing.sticky_secret.empty()) {
    make_tokens(balancing);
  }
}

void EndpointSet::match_families() {
  struct Pair {
    uint32_t v4 = 0;  // the first one of each, by index and one more
    uint32_t v6 = 0;
  };

  std::unordered_map<std::string_view, Pair> names;
  const auto of = [](Pair& pair, const Endpoint& endpoint) -> uint32_t& {
    return endpoint.address->get()->sa_family == AF_INET6 ? pair.v6 : pair.v4;
  };
  bool any = false;
  for (size_t i = 0; i < endpoints_.size(); ++i) {
    if (endpoints_[i]->address) {
      Pair& pair = names[endpoints_[i]->authority];
      if (uint32_t& first = of(pair, *endpoints_[i]); first == 0) {
        first = static_cast<uint32_t>(i + 1);
      }
      any = any || (pair.v4 != 0 && pair.v6 != 0);
    }
  }
  if (!any) {
    return;
  }
  other_family_.resize(endpoints_.size());
  for (size_t i = 0; i < endpoints_.size(); ++i) {
    if (endpoints_[i]->address) {
      Pair& pair = names[endpoints_[i]->authority];
      other_family_[i] = &of(pair, *endpoints_[i]) == &pair.v4 ? pair.v6 : pair.v4;
    }
  }
}

std::optional<size_t> EndpointSet::other_family(size_t index) const noexcept {
  const uint32_t other = index < other_family_.size() ? other_family_[index] : 0;
  return other == 0 ? std::nullopt : std::optional<size_t>(other - 1);
}

void EndpointSet::make_tokens(const Balancing& balancing) {
  tokens_.reserve(endpoints_.size());  // by_token_ has views of them
  for (size_t i = 0; i < endpoints_.size(); ++i) {
    tokens_.push_back(make_token(balancing, endpoints_[i]->name));
    by_token_.emplace(tokens_.back(), i);
  }
}

EndpointSet::Cursors EndpointSet::start(uint32_t worker, uint32_t workers) const noexcept {
  Cursors cursors{};
  for (size_t i = 0; i < tiers_.size(); ++i) {
    cursors[i] = tiers_[i].plan.start(worker, workers);
  }
  return cursors;
}

void EndpointSet::fit(Cursors& cursors) const noexcept {
  for (size_t i = 0; i < tiers_.size(); ++i) {
    tiers_[i].plan.fit(cursors[i]);
  }
}

int EndpointSet::pick(const balancer::Request& request, Cursors& cursors) const noexcept {
  if (plain_ != nullptr) {
    return plain_->pick(request, cursors.front());
  }
  if (const auto sound = request.anyway ? sound_tier(request, cursors) : std::nullopt) {
    return pick_in(tiers_[*sound], request, cursors[*sound]);
  }
  for (size_t i = request.least_tier; i < tiers_.size(); ++i) {
    if (const int found = pick_in(tiers_[i], request, cursors[i]); found >= 0) {
      return found;
    }
  }
  return -1;
}

// Where servers are asked that are out, a tier with one that is well comes before those that
// have none, whatever their priority.
std::optional<size_t> EndpointSet::sound_tier(const balancer::Request& request,
                                              const Cursors& cursors) const noexcept {
  balancer::Request well = request;
  well.anyway = false;
  for (size_t i = request.least_tier; i < tiers_.size(); ++i) {
    balancer::Cursor only_looks = cursors[i];
    if (pick_in(tiers_[i], well, only_looks) >= 0) {
      return i;
    }
  }
  return std::nullopt;
}

size_t EndpointSet::tier_after(size_t index) const noexcept {
  const auto next = std::ranges::find_if(tiers_, [&](const Tier& it) { return it.first > index; });
  return next == tiers_.end() ? 0 : static_cast<size_t>(next - tiers_.begin());
}

bool EndpointSet::too_many_are_out(TimePoint now, uint32_t most_percent) const noexcept {
  const bool alone = endpoints_.size() == 1;
  bool too_many = false;
  for (size_t i = 0; i < tiers_.size(); ++i) {
    const size_t first = tiers_[i].first;
    const size_t end = i + 1 < tiers_.size() ? tiers_[i + 1].first : endpoints_.size();
    size_t out = 0;
    size_t sound = 0;
    for (size_t at = first; at < end; ++at) {
      const EndpointState& state = *endpoints_[at]->state;
      const bool closed = state.breaker.state() == Breaker::State::closed;
      out += (alone ? state.breaker.unreachable() : !closed) ? 1U : 0U;
      sound += closed && endpoints_[at]->weight > 0 && state.takes(now, false) ? 1U : 0U;
    }
    const bool of_tier = out * 100 > (end - first) * most_percent;
    if (!of_tier && sound > 0) {
      return false;
    }
    too_many = too_many || of_tier;
  }
  return too_many;
}

// A newcomer passes on some of its turns, where there is somebody to pass them on to.
int EndpointSet::pick_in(const Tier& tier, const balancer::Request& all,
                         balancer::Cursor& cursor) const noexcept {
  balancer::Request request = all;
  request.first = tier.first;
  const auto in_set = [&](int found) {
    return found < 0 ? -1 : static_cast<int>(tier.first) + found;
  };
  const int found = tier.plan.pick(request, cursor);
  if (slow_start_ == Duration::zero() || found < 0) {
    return in_set(found);
  }
  const auto index = static_cast<size_t>(found);
  if (!holds_back(*endpoints_[tier.first + index]->state, request.now, cursor)) {
    return in_set(found);
  }
  request.tried.add(tier.first + index);
  const int other = tier.plan.pick(request, cursor);
  return in_set(other >= 0 ? other : found);
}

bool EndpointSet::holds_back(const EndpointState& state, TimePoint now,
                             balancer::Cursor& cursor) const noexcept {
  const int64_t since = state.new_since.load(std::memory_order_relaxed);
  const int64_t age = now.time_since_epoch().count() - since;
  if (since == 0 || age >= slow_start_.count()) {
    return false;
  }
  const auto percent = static_cast<uint64_t>(std::max<int64_t>(age, 0) * 100 / slow_start_.count());
  cursor.random += 0x9e3779b97f4a7c15;
  return mix64(cursor.random) % 100 >= std::max(percent, kFirstPercent);
}

int EndpointSet::find(std::string_view token, const balancer::Request& request) const noexcept {
  const auto found = by_token_.find(token);
  if (found == by_token_.end()) {
    return -1;
  }
  const size_t index = found->second;
  const EndpointState& state = *endpoints_[index]->state;
  const bool room = max_active_ == 0 || state.active.load(std::memory_order_relaxed) < max_active_;
  return !request.tried.contains(index) && room && state.takes_known(request.now)
             ? static_cast<int>(index)
             : -1;
}

}  // namespace pingap::upstream

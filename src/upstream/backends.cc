#include "upstream/backends.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/log.h"

namespace pingap::upstream {
namespace {

// Connections to one of them are good for the other one.
bool is_same(const Endpoint& a, const Endpoint& b) noexcept {
  return a.state == b.state && a.host == b.host && a.authority == b.authority &&
         a.address == b.address;
}

}  // namespace

bool asks_all(const BackendsSettings& settings, const EndpointSet& servers,
              TimePoint now) noexcept {
  return settings.breaker.on() && servers.too_many_are_out(now, settings.max_ejected_percent);
}

Backends::Backends(net::EventLoop& loop, const BackendsSettings& settings, uint32_t index,
                   uint32_t count, const std::shared_ptr<const void>& keeper)
    : loop_(loop),
      settings_(settings),
      index_(index),
      count_(count),
      pool_settings_(keeper, &settings.pool),
      has_whole_(settings.whole_breaker.on()),
      counts_all_(has_whole_ || settings.breaker.max_percent > 0) {
}

// ---- who they are

void Backends::inherit(const Backends& before) {
  if (!settings_.pool.connects_like(before.settings_.pool)) {
    return;
  }
  pools_ = before.pools_;
  for (const auto& pool : pools_) {
    pool->adopt(pool_settings_);
  }
}

void Backends::update(std::shared_ptr<const EndpointSet> set) {
  std::unordered_multimap<const EndpointState*, std::shared_ptr<EndpointPool>> known;
  for (auto& pool : pools_) {
    known.emplace(pool->endpoint().state.get(), std::move(pool));
  }
  pools_.clear();
  pools_.reserve(set->endpoints().size());
  for (const auto& endpoint : set->endpoints()) {
    const auto stays = known.find(endpoint->state.get());
    if (stays != known.end() && is_same(stays->second->endpoint(), *endpoint)) {
      pools_.push_back(std::move(stays->second));
      known.erase(stays);
    } else {
      pools_.push_back(std::make_shared<EndpointPool>(loop_, endpoint, pool_settings_,
                                                      endpoint->state->counts[index_]));
    }
  }
  std::erase_if(leaving_, [](const auto& pool) { return pool->unused(); });
  for (auto& [state, pool] : known) {
    pool->drain();
    leaving_.push_back(std::move(pool));
  }
  if (set_ == nullptr) {
    cursors_ = set->start(index_, count_);
  } else {
    set->fit(cursors_);
  }
  set_ = std::move(set);
  ++version_;
  looked_at_ = {};
  if (!tend_timer_.armed()) {
    // Not here: this may be another thread, before the loop runs.
    loop_.arm(tend_timer_, settings_.pool.min_idle > 0 ? Duration::zero() : kTendEvery);
  }
  wake();  // there may be room where there was none
}

// Now and then: connections are made in advance, and those who have left are forgotten.
void Backends::tend() noexcept {
  std::erase_if(leaving_, [](const auto& pool) { return pool->unused(); });
  if (settings_.pool.min_idle > 0) {
    for (const auto& pool : pools_) {
      if (pool->endpoint().state->takes(loop_.now(), false)) {
        pool->tend();
      }
    }
  }
  if (!leaving_.empty() || settings_.pool.min_idle > 0) {
    loop_.arm(tend_timer_, kTendEvery);
  }
}

// ---- whose turn it is

bool Backends::pick(balancer::Request& request, std::string_view token, Picked& picked) noexcept {
  request.now = loop_.now();
  request.anyway = too_many_are_out();
  request.under_way = settings_.state->active.load(std::memory_order_relaxed);
  if (has_whole_ && !admit_whole(picked)) {
    return false;
  }
  int found = token.empty() ? -1 : set_->find(token, request);
  for (;;) {
    if (found < 0) {
      found = set_->pick(request, cursors_);
    }
    if (found < 0) {
      report_whole(picked.whole, Outcome::none);
      return false;
    }
    const auto index = static_cast<size_t>(found);
    if (admit(index, picked)) {
      return true;
    }
    request.tried.add(index);  // another worker was faster
    found = -1;
  }
}

bool Backends::again(size_t index, Picked& picked) noexcept {
  if (has_whole_ && !admit_whole(picked)) {
    return false;
  }
  if (admit(index, picked)) {
    return true;
  }
  report_whole(picked.whole, Outcome::none);
  return false;
}

bool Backends::admit_whole(Picked& picked) noexcept {
  const auto permit = settings_.state->breaker.admit(settings_.whole_breaker, loop_.now());
  picked.whole = permit.value_or(Breaker::Permit{});
  return permit.has_value();
}

bool Backends::admit(size_t index, Picked& picked) noexcept {
  EndpointPool& pool = *pools_.data()[index];  // of the set that they were made for
  EndpointState& state = *pool.endpoint().state;
  if (settings_.counts_active && !take_place(state)) {
    return false;
  }
  auto permit = state.breaker.admit(settings_.breaker, loop_.now());
  if (!permit && panics_) {
    permit = state.breaker.admit_anyway();
  }
  if (!permit) {
    if (settings_.counts_active) {
      give_back(state);
    }
    return false;
  }
  picked.pool = &pool;
  picked.index = index;
  picked.permit = *permit;
  return true;
}

bool Backends::take_place(EndpointState& state) noexcept {
  uint32_t active = state.active.load();
  do {
    if (settings_.max_active > 0 && active >= settings_.max_active) {
      return false;
    }
  } while (!state.active.compare_exchange_weak(active, active + 1));
  if (settings_.counts_whole) {
    settings_.state->active.fetch_add(1, std::memory_order_relaxed);
  }
  return true;
}

void Backends::give_back(EndpointState& state) noexcept {
  state.active.fetch_sub(1);
  if (settings_.counts_whole) {
    settings_.state->active.fetch_sub(1, std::memory_order_relaxed);
  }
}

bool Backends::too_many_are_out() noexcept {
  if (loop_.now() - looked_at_ < kPanicAge || !settings_.breaker.on()) {
    return panics_;
  }
  looked_at_ = loop_.now();
  panics_ = asks_all(settings_, *set_, loop_.now());
  return panics_;
}

std::optional<TimePoint> Backends::next_chance() const noexcept {
  std::optional<TimePoint> first;
  if (has_whole_ && settings_.state->breaker.state() != Breaker::State::closed) {
    return settings_.state->breaker.next_chance();
  }
  for (const auto& endpoint : set_->endpoints()) {
    const EndpointState& state = *endpoint->state;
    if (endpoint->weight > 0 && state.out.load(std::memory_order_relaxed) == 0 &&
        state.breaker.state() != Breaker::State::closed) {
      const TimePoint chance = state.breaker.next_chance();
      first = first ? std::min(*first, chance) : chance;
    }
  }
  return first;
}

// ---- how it went

void Backends::report(EndpointPool& pool, Breaker::Permit permit, Breaker::Permit whole,
                      Outcome outcome) noexcept {
  const Endpoint& endpoint = pool.endpoint();
  report_whole(whole, outcome);
  if (outcome == Outcome::failure) {
    pool.counts().add(ServerCounts::failures);
  } else if (outcome == Outcome::unreachable) {
    pool.counts().add(ServerCounts::unreachable);
  }
  const Breaker::Trip trip =
      endpoint.state->breaker.report(permit, outcome, settings_.breaker, loop_.now());
  if (trip != Breaker::Trip::none) {
    looked_at_ = {};
    tell(endpoint, trip);
  } else if (outcome == Outcome::success && permit.kind() != Breaker::Permit::Kind::normal &&
             endpoint.state->breaker.state() == Breaker::State::closed) {
    endpoint.state->begin(loop_.now());
    PINGAP_LOG(info, "upstream {}: {} is in again", settings_.name, endpoint.name);
  }
}

void Backends::report_whole(Breaker::Permit permit, Outcome outcome) noexcept {
  if (!has_whole_) {
    return;
  }
  const auto trip =
      settings_.state->breaker.report(permit, outcome, settings_.whole_breaker, loop_.now());
  if (trip != Breaker::Trip::none && trip != Breaker::Trip::probe) {
    PINGAP_LOG(warn, "upstream {} is out as a whole: {}", settings_.name, to_string(trip));
  }
}

void Backends::tell(const Endpoint& endpoint, Breaker::Trip trip) noexcept {
  using std::chrono::milliseconds;
  if (trip == Breaker::Trip::probe || too_many_are_out()) {
    return;  // nothing new; or it is asked all the same
  }
  const Breaker& breaker = endpoint.state->breaker;
  const auto left = std::chrono::duration_cast<milliseconds>(breaker.next_chance() - loop_.now());
  PINGAP_LOG(warn, "upstream {}: {} is out for {} ms: {}", settings_.name, endpoint.name,
             left.count(), to_string(trip));
}

bool Backends::begin_retry() noexcept {
  const uint32_t allowed = std::max(settings_.retry_least, tries_ * settings_.retry_percent / 100);
  if (retries_ >= allowed) {
    return false;
  }
  count_retry();
  return true;
}

// ---- who waits

bool Backends::has_room_later() const noexcept {
  return settings_.state->breaker.takes(loop_.now()) &&
         std::ranges::any_of(set_->endpoints(), [this](const auto& one) {
           return one->weight > 0 && one->state->takes(loop_.now(), panics_);
         });
}

bool Backends::wait(Waiting& request) noexcept {
  if (!settings_.state->begin_waiting(settings_.max_pending)) {
    return false;
  }
  waiting_.push_back(request);
  if (++queued_ == 1) {
    // Another worker may have had room just before it could see that somebody waits.
    wake();
  }
  return true;
}

void Backends::leave(Waiting& request) noexcept {
  request.ListHook<WaitTag>::unlink();
  --queued_;
  settings_.state->end_waiting();
}

// Turns go round the workers, or one that has a queue of its own would keep all room to itself.
void Backends::on_room() noexcept {
  const uint32_t pending = settings_.state->pending.load();
  if (pending == 0) {
    return;
  }
  const bool others = pending > queued_ && wake_others_;
  if (others && (queued_ == 0 || (++rooms_ & 1) != 0)) {
    wake_others_();
  } else {
    wake();
  }
}

void Backends::wake() noexcept {
  if (queued_ > 0) {
    loop_.defer(*this);
  }
}

// As many as there is room for.
void Backends::on_deferred() noexcept {
  while (Waiting* first = waiting_.pop_front()) {
    if (first->on_turn() == Waiting::Turn::none) {
      waiting_.push_front(*first);
      break;
    }
    --queued_;
    settings_.state->end_waiting();
  }
  if (queued_ > 0) {
    loop_.arm(look_timer_, kLookEvery);
  }
}

// ---- the end

void Backends::drain() noexcept {
  tend_timer_.cancel();
  look_timer_.cancel();
  for (auto& pool : pools_) {
    if (pool.use_count() == 1) {
      pool->drain();
    }
  }
}

bool Backends::lingers() const noexcept {
  const auto of = [](const auto& pool) { return pool->lingers(); };
  return std::ranges::any_of(pools_, of) || std::ranges::any_of(leaving_, of);
}

}  // namespace pingap::upstream

#include "upstream/membership.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "base/log.h"

namespace pingap::upstream {

Membership::Membership(Settings settings, Endpoints servers, Publish publish)
    : settings_(std::move(settings)),
      publish_(std::move(publish)),
      written_(std::move(servers)),
      current_(std::make_shared<EndpointSet>(settings_.balancing, written_)) {
  for (const auto& endpoint : current_->endpoints()) {
    by_name_.emplace(endpoint->name, endpoint);
  }
}

Membership::~Membership() = default;

void Membership::add_source(std::unique_ptr<Source> source) {
  sources_.push_back({std::move(source), {}, {}, {}});
}

void Membership::start() {
  for (size_t i = 0; i < sources_.size(); ++i) {
    sources_[i].source->start(
        [this, i](std::vector<Found> found) { on_found(i, std::move(found)); });
  }
}

bool Membership::settled() const noexcept {
  return std::ranges::all_of(sources_, [](const Known& one) { return one.source->settled(); });
}

void Membership::on_found(size_t source, std::vector<Found> found) {
  Known& known = sources_[source];
  known.told = std::move(found);
  if (use(known)) {
    rebuild();
  }
}

void Membership::look_again() {
  bool changed = false;
  for (Known& known : sources_) {
    const bool spoke = known.reported || !known.ours.empty();
    changed = (spoke && use(known)) || changed;
  }
  if (changed) {
    rebuild();
  }
}

// Whether it makes a difference. An answer that leads nowhere but to ourselves is none: who can
// give one must not be able to take away the others.
bool Membership::use(Known& known) {
  std::vector<Found> found = known.told;
  std::set<std::string> ours;
  for (const Found& one :
       settings_.own == nullptr ? std::vector<Found>{} : settings_.own->take_from(found)) {
    const auto [address, another] = ours.insert(one.address.to_string());
    if (another && !known.ours.contains(*address)) {
      PINGAP_LOG(error, "upstream {}: {} of {} is not used: this process itself listens there",
                 upstream(), *address, known.source->name());
    }
  }
  known.ours = std::move(ours);
  if (found.empty() && !known.ours.empty()) {
    return false;
  }
  if (known.reported && known.found == found) {
    return false;
  }
  known.reported = true;
  known.found = std::move(found);
  return true;
}

size_t Membership::left_out() const noexcept {
  size_t sum = 0;
  for (const Known& known : sources_) {
    sum += known.ours.size() + known.source->left_out();
  }
  return sum;
}

void Membership::rebuild() {
  remember_current();
  auto next = std::make_shared<EndpointSet>(settings_.balancing, collect());
  current_ = std::move(next);
  by_name_.clear();
  for (const auto& endpoint : current_->endpoints()) {
    by_name_.emplace(endpoint->name, endpoint);
  }
  publish_(current_);
}

// Who leaves now was there until now. What an operator has said of a server is kept in any case.
void Membership::remember_current() noexcept {
  const TimePoint now = steady_now();
  for (auto& [name, known] : states_) {
    if (by_name_.contains(name)) {
      known.seen = now;
    }
  }
  const bool many = states_.size() > 2 * kMost;
  std::erase_if(states_, [&](const auto& one) {
    const Remembered& known = one.second;
    const bool told = known.state->is_out(Out::disabled) || known.state->is_out(Out::draining);
    return known.seen != now && !told && (many || now - known.seen > settings_.memory);
  });
}

Endpoints Membership::collect() {
  Endpoints endpoints;
  std::unordered_set<std::string_view> names;
  const auto add = [&](std::shared_ptr<const Endpoint> endpoint) {
    if (names.insert(endpoint->name).second) {  // two names may lead to one server
      endpoints.push_back(std::move(endpoint));
    }
  };
  for (const auto& endpoint : written_) {
    add(with_weight(endpoint));
  }
  for (const Known& known : sources_) {
    for (const Found& found : known.found) {
      if (endpoints.size() == kMost) {
        if (!std::exchange(told_of_most_, true)) {
          PINGAP_LOG(warn, "upstream {}: more than {} servers: the others are left out", upstream(),
                     kMost);
        }
        return endpoints;
      }
      add(endpoint_for(found));
    }
  }
  return endpoints;
}

// The one that is in use for the same server where there is one, so that it keeps its connections.
std::shared_ptr<const Endpoint> Membership::endpoint_for(const Found& found) {
  Endpoint wanted;
  wanted.name = found.address.to_string();
  wanted.host = found.host.empty() ? std::string(net::host_of(wanted.name)) : found.host;
  wanted.authority =
      found.host.empty() ? wanted.name : found.host + ":" + std::to_string(found.address.port());
  wanted.weight = found.weight;
  wanted.priority = found.priority;
  if (const auto set = weights_.find(wanted.name); set != weights_.end()) {
    wanted.weight = set->second;
  }
  const auto current = by_name_.find(wanted.name);
  if (current != by_name_.end() && current->second->host == wanted.host &&
      current->second->weight == wanted.weight && current->second->priority == wanted.priority) {
    return current->second;
  }
  wanted.address = found.address;
  wanted.state = state_of(wanted.name);
  return std::make_shared<const Endpoint>(std::move(wanted));
}

std::shared_ptr<EndpointState> Membership::state_of(const std::string& name) {
  Remembered& known = states_[name];
  known.seen = steady_now();
  if (known.state == nullptr) {
    known.state = std::make_shared<EndpointState>(settings_.workers);
    if (serving_) {
      known.state->begin(steady_now());
      known.state->set_out(Out::unchecked, settings_.checked);
    }
  }
  return known.state;
}

std::shared_ptr<const Endpoint> Membership::with_weight(
    const std::shared_ptr<const Endpoint>& from) {
  const auto set = weights_.find(from->name);
  if (set == weights_.end() || set->second == from->weight) {
    return from;
  }
  const auto current = by_name_.find(from->name);
  if (current != by_name_.end() && current->second->weight == set->second) {
    return current->second;
  }
  auto other = std::make_shared<Endpoint>(*from);
  other->weight = set->second;
  return other;
}

bool Membership::set_weight(std::string_view server, uint32_t weight) {
  if (!by_name_.contains(server)) {
    return false;
  }
  weights_.insert_or_assign(std::string(server), weight);
  rebuild();
  return true;
}

}  // namespace pingap::upstream

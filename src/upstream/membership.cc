#include "upstream/membership.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "base/log.h"

namespace pingap::upstream {

Membership::Membership(Settings settings, Endpoints servers, Publish publish)
    : settings_(std::move(settings)), publish_(std::move(publish)), written_(std::move(servers)) {
  gather();
}

Membership::~Membership() {
  for (const Known& known : sources_) {
    known.source->forget(this);
  }
}

void Membership::add_source(std::shared_ptr<SharedSource> source) {
  sources_.push_back({std::move(source), {}, {}});
}

void Membership::start() {
  bool changed = false;
  for (size_t i = 0; i < sources_.size(); ++i) {
    Known& known = sources_[i];
    known.source->listen(this, [this, i] {
      if (use(sources_[i])) {
        rebuild();
      }
    });
    changed = (known.source->told() && use(known)) || changed;
  }
  if (changed) {
    rebuild();
  }
}

bool Membership::settled() const noexcept {
  return std::ranges::all_of(sources_, [](const Known& one) { return one.source->settled(); });
}

void Membership::look_again() {
  bool changed = false;
  for (Known& known : sources_) {
    changed = (known.source->told() && use(known)) || changed;
  }
  if (changed) {
    rebuild();
  }
}

// Whether it makes a difference. An answer that leads nowhere but to ourselves is none: who can
// give one must not be able to take away the others.
bool Membership::use(Known& known) {
  std::vector<Found> found = *known.source->told();
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

// Returns those of before.
Membership::ByName Membership::gather() {
  current_ = std::make_shared<EndpointSet>(settings_.balancing, collect());
  ByName by_name;
  for (const auto& endpoint : current_->endpoints()) {
    by_name.emplace(endpoint->name, endpoint);
  }
  return std::exchange(by_name_, std::move(by_name));
}

void Membership::rebuild() {
  settings_.known->look(steady_now());
  const ByName before = gather();
  if (serving_) {
    greet(before);
    publish_(current_);
  }
}

// Those that are not among the `known`.
void Membership::greet(const ByName& known) const noexcept {
  for (const auto& endpoint : current_->endpoints()) {
    if (!known.contains(endpoint->name)) {
      endpoint->state->arrive(steady_now(), settings_.checked);
    }
  }
}

void Membership::serve(const Membership* before) {
  settings_.known->look(steady_now());  // while those of before are there, too
  serving_ = true;
  const auto stays = [&](const auto& one) { return before->by_name_.contains(one->name); };
  if (before != nullptr && std::ranges::any_of(current_->endpoints(), stays)) {
    greet(before->by_name_);
  }
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
  wanted.priority = found.priority;
  wanted.weight = settings_.known->weight_of(wanted.name).value_or(found.weight);
  const auto current = by_name_.find(wanted.name);
  if (current != by_name_.end() && current->second->host == wanted.host &&
      current->second->weight == wanted.weight && current->second->priority == wanted.priority) {
    return current->second;
  }
  wanted.address = found.address;
  wanted.state = settings_.known->state_of(wanted.name);
  return std::make_shared<const Endpoint>(std::move(wanted));
}

std::shared_ptr<const Endpoint> Membership::with_weight(
    const std::shared_ptr<const Endpoint>& from) {
  const auto weight = settings_.known->weight_of(from->name);
  if (!weight || *weight == from->weight) {
    return from;
  }
  const auto current = by_name_.find(from->name);
  if (current != by_name_.end() && current->second->weight == *weight) {
    return current->second;
  }
  auto other = std::make_shared<Endpoint>(*from);
  other->weight = *weight;
  return other;
}

bool Membership::set_weight(std::string_view server, uint32_t weight) {
  if (!by_name_.contains(server)) {
    return false;
  }
  settings_.known->set_weight(std::string(server), weight);
  rebuild();
  return true;
}

}  // namespace pingap::upstream

#include "proxy/route_counts.h"

#include <algorithm>

namespace pingap::proxy {

const Site* find_site(const Snapshot* snapshot, std::string_view name) noexcept {
  if (snapshot == nullptr) {
    return nullptr;
  }
  const auto found =
      std::ranges::find_if(snapshot->sites, [&](const auto& site) { return site->name == name; });
  return found == snapshot->sites.end() ? nullptr : found->get();
}

RouteCounts::RouteCounts(const Snapshot* before, const Site& site, uint32_t workers,
                         size_t& counted)
    : site_(site), workers_(workers), counted_(counted) {
  const Site* known = site.counts == nullptr ? nullptr : find_site(before, site.name);
  for (size_t i = 0; known != nullptr && i < known->routes.size(); ++i) {
    if (const Route& route = *known->routes[i]; route.counts != nullptr) {
      known_.emplace(route.name, route.counts);
    }
  }
}

std::shared_ptr<observe::RequestCounts> RouteCounts::find(const std::string& location) {
  if (site_.counts == nullptr) {
    return nullptr;
  }
  if (location == observe::kOther || ++counted_ > kMostCounted) {
    return site_.counts->rest;
  }
  auto& counts = known_[location];
  if (counts == nullptr || counts == site_.counts->rest) {
    counts = std::make_shared<observe::RequestCounts>(site_.name, location, workers_);
  }
  return counts;
}

}  // namespace pingap::proxy

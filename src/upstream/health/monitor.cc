#include "upstream/health/monitor.h"

#include <algorithm>
#include <functional>
#include <unordered_map>
#include <utility>

#include "base/hash.h"

namespace pingap::upstream {

HealthMonitor::HealthMonitor(net::EventLoop& loop, const HealthSettings& settings,
                             const std::string& upstream)
    : loop_(loop),
      settings_(settings),
      upstream_(upstream),
      seed_(mix64(std::hash<std::string>{}(upstream))) {
}

void HealthMonitor::watch(const EndpointSet& servers) {
  std::unordered_map<const EndpointState*, std::unique_ptr<Check>> known;
  for (auto& check : checks_) {
    known.emplace(check->endpoint().state.get(), std::move(check));
  }
  checks_.clear();
  for (const auto& endpoint : servers.endpoints()) {
    const auto stays = known.find(endpoint->state.get());
    if (stays != known.end() && stays->second != nullptr &&
        stays->second->endpoint().host == endpoint->host) {
      checks_.push_back(std::move(stays->second));
      continue;
    }
    seed_ = mix64(seed_ + 1);
    checks_.push_back(std::make_unique<Check>(loop_, settings_, upstream_, endpoint, seed_));
    checks_.back()->start(endpoint->state->is_out(Out::unchecked)
                              ? Duration::zero()
                              : std::min(kStart, settings_.interval));
  }
  for (auto& [state, check] : known) {
    if (check != nullptr) {
      check->stop();
      loop_.retire(check.release());
    }
  }
}

}  // namespace pingap::upstream

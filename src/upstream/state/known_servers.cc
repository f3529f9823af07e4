#include "upstream/state/known_servers.h"

namespace pingap::upstream {

KnownServers::KnownServers(uint32_t workers, Duration memory) : workers_(workers), memory_(memory) {
}

std::shared_ptr<EndpointState> KnownServers::state_of(const std::string& server) {
  Known& known = servers_[server];
  if (known.state == nullptr) {
    known.state = std::make_shared<EndpointState>(workers_);
    known.seen = steady_now();
  }
  return known.state;
}

std::optional<uint32_t> KnownServers::weight_of(std::string_view server) const {
  const auto found = servers_.find(server);
  return found == servers_.end() ? std::nullopt : found->second.weight;
}

void KnownServers::set_weight(const std::string& server, uint32_t weight) {
  state_of(server);
  servers_[server].weight = weight;
}

void KnownServers::look(TimePoint now) noexcept {
  for (auto& [name, known] : servers_) {
    if (known.state.use_count() > 1) {  // an endpoint has it
      known.seen = now;
    }
  }
  const bool many = servers_.size() > kMost;
  std::erase_if(servers_, [&](const auto& one) {
    const Known& known = one.second;
    const bool told =
        known.weight || known.state->is_out(Out::disabled) || known.state->is_out(Out::draining);
    return known.seen != now && !told && (many || now - known.seen > memory_);
  });
}

}  // namespace pingap::upstream

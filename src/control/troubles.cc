#include "control/troubles.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "base/trouble.h"

namespace pingap::control {

std::map<std::string, ServersInUse> servers_in_use(const proxy::LiveUpstreams& upstreams) {
  std::map<std::string, ServersInUse> by_name;
  for (const auto& one : upstreams.left_out()) {
    by_name.try_emplace(std::string(one.upstream));
  }
  for (const auto& server : upstreams.report()) {
    ServersInUse& servers = by_name[server.upstream];
    ++servers.all;
    servers.taking += server.takes_requests() ? 1U : 0U;
  }
  return by_name;
}

std::vector<TroubleReport> troubles(const proxy::LiveUpstreams& upstreams) {
  std::vector<TroubleReport> found;
  for (Trouble::Report& one : Trouble::all()) {
    found.push_back({to_string(one.part), std::move(one.name), std::move(one.what), one.since});
  }
  for (const auto& [name, servers] : servers_in_use(upstreams)) {
    if (servers.taking == 0) {
      found.push_back({"upstream", name,
                       servers.all == 0
                           ? "it has no servers"
                           : fmt::format("none of its {} servers takes requests", servers.all),
                       std::nullopt});
    }
  }
  std::ranges::sort(found, {}, [](const TroubleReport& one) {
    return std::tie(one.part, one.name, one.since, one.what);
  });
  return found;
}

}  // namespace pingap::control

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
    servers.first = servers.all++ == 0 ? server.priority : std::min(servers.first, server.priority);
    if (server.takes_requests()) {
      servers.used =
          servers.taking++ == 0 ? server.priority : std::min(servers.used, server.priority);
    }
  }
  return by_name;
}

namespace {

// Empty: all is well.
std::string trouble_with(const ServersInUse& servers) {
  if (servers.all == 0) {
    return "it has no servers";
  }
  if (servers.taking == 0) {
    return fmt::format("none of its {} servers takes requests", servers.all);
  }
  return servers.used == servers.first
             ? ""
             : fmt::format(
                   "none of its servers of priority {} takes requests: those of {} stand in",
                   servers.first, servers.used);
}

void add_upstreams(const proxy::LiveUpstreams& upstreams, std::vector<TroubleReport>& found) {
  const auto asking_all = upstreams.asking_all();
  for (const auto& [name, servers] : servers_in_use(upstreams)) {
    std::string what = std::ranges::find(asking_all, name) != asking_all.end()
                           ? "too many of its servers are out: all are asked all the same"
                           : trouble_with(servers);
    if (!what.empty()) {
      found.push_back({"upstream", name, std::move(what), std::nullopt});
    }
  }
}

}  // namespace

std::vector<TroubleReport> troubles(const proxy::LiveUpstreams& upstreams) {
  std::vector<TroubleReport> found;
  for (Trouble::Report& one : Trouble::all()) {
    found.push_back({to_string(one.part), std::move(one.name), std::move(one.what), one.since});
  }
  add_upstreams(upstreams, found);
  std::ranges::sort(found, {}, [](const TroubleReport& one) {
    return std::tie(one.part, one.name, one.since, one.what);
  });
  return found;
}

}  // namespace pingap::control

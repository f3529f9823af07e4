// All that does not work as it should right now, in one place: what parts of the process have said
// themselves (base/trouble.h), and upstreams without a server. Control thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "proxy/live_upstreams.h"

namespace pingap::control {

// Of an upstream.
struct ServersInUse {
  size_t all = 0;
  size_t taking = 0;   // requests
  uint32_t first = 0;  // the priority of those that are to take them
  uint32_t used = 0;   // that of those that do; where any do
};

// By the name of the upstream; also of those that never had a server.
std::map<std::string, ServersInUse> servers_in_use(const proxy::LiveUpstreams& upstreams);

struct TroubleReport {
  std::string_view part;  // "discovery", ...
  std::string name;       // in the configuration
  std::string what;       // for people
  std::optional<WallTime> since;
};

// By part and name.
std::vector<TroubleReport> troubles(const proxy::LiveUpstreams& upstreams);

}  // namespace pingap::control

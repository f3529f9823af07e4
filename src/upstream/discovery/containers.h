// What Docker says of its containers, as servers. Pure but for the log; control thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostics.h"
#include "upstream/discovery/address_filter.h"
#include "upstream/discovery/source.h"

namespace pingap::upstream {

struct ContainerQuery {
  std::string label;  // "KEY" or "KEY=VALUE"
  uint16_t port = 0;  // 0 = the only TCP port that a container has
  uint32_t weight = 1;
  uint32_t priority = 0;
};

// GET /containers/json?filters={"label":["LABEL"]}, or /events, as a request's target.
std::string containers_target(const ContainerQuery& query);
std::string events_target();

struct Containers {
  std::vector<Found> servers;
  std::vector<std::string> unusable;  // "NAME: why", for the log
};

// Of the answer to containers_target(). Errors go to `diagnostics`.
Containers parse_containers(std::string_view json, const ContainerQuery& query,
                            const AddressFilter& filter, config::Diagnostics& diagnostics);

}  // namespace pingap::upstream

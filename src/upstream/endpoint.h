// One backend server and the upstream it belongs to. Built by the control thread, shared by all
// workers: const but for the atomics in EndpointState.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "net/address.h"
#include "session/session.h"
#include "upstream/endpoint_state.h"

namespace pingap::upstream {

struct Endpoint {
  std::string name;                     // as configured, for logs and metrics
  std::vector<net::Address> addresses;  // empty: the name did not resolve
  uint32_t weight = 1;
  std::shared_ptr<EndpointState> state;  // outlives the configuration
};

}  // namespace pingap::upstream

// One backend server of an upstream. Built by the control thread, shared by all workers: const but
// for the atomics in EndpointState.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "net/address.h"
#include "upstream/state/endpoint_state.h"

namespace pingap::upstream {

struct Endpoint {
  std::string name;                     // "host:port" as connected to, for logs and metrics
  std::string host;                     // as configured, without port: the name that TLS is for
  std::string authority;                // whom a request asks for that names nobody: "host:port"
  std::optional<net::Address> address;  // none: the name did not resolve
  uint32_t weight = 1;
  uint32_t priority = 0;  // servers of a higher one are used when those of lower ones are out
  std::shared_ptr<EndpointState> state;  // outlives the configuration
};

}  // namespace pingap::upstream

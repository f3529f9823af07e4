// A configuration as long as a worker has something that goes by it. Worker; counts without
// atomics.
#pragma once

#include <cstdint>
#include <memory>

#include "proxy/snapshot.h"

namespace pingap::proxy {

struct Generation {
  std::shared_ptr<const Snapshot> snapshot;
  uint32_t exchanges = 0;  // that began on it
};

}  // namespace pingap::proxy

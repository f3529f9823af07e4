// What a request adds to the numbers of its location, server and upstream. Worker.
#pragma once

#include "exchange/exchange.h"
#include "proxy/snapshot.h"

namespace pingap::proxy {

class Worker;

void add_begun(const Site& site, const Worker& worker) noexcept;

// A request of `site` begins.
inline void count_begun(const Site& site, const Worker& worker) noexcept {
  if (site.counts != nullptr) {
    add_begun(site, worker);
  }
}

// It is over. `site`, which has counts, and `route` (null: none took it) are those it went by.
void count_request(const exchange::Exchange& x, const Site& site, const Route* route,
                   Worker& worker) noexcept;

}  // namespace pingap::proxy

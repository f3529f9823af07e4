// What this process listens on itself. A server that is found there would have requests go round in
// circles, or reach what is not for clients (SS-02). Control thread.
#pragma once

#include <vector>

#include "net/address.h"
#include "upstream/discovery/source.h"

namespace pingap::upstream {

class OwnListeners {
 public:
  void set(std::vector<net::Address> listening) { listening_ = std::move(listening); }

  // Takes those out of `found` that are ours, and returns them. Looks at the interfaces of the
  // machine where one that listens on all of them has such a port.
  std::vector<Found> take_from(std::vector<Found>& found) const;

 private:
  std::vector<net::Address> listening_;
};

}  // namespace pingap::upstream

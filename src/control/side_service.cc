#include "control/side_service.h"

#include <algorithm>

#include "net/socket.h"

namespace pingap::control {

std::vector<net::Address> listening(const proxy::Server& server, const SideService* side) {
  std::vector<proxy::Server::Socket> sockets = server.sockets();
  if (side != nullptr) {
    std::ranges::move(side->sockets(), std::back_inserter(sockets));
  }
  std::vector<net::Address> found;
  for (const proxy::Server::Socket& one : sockets) {
    const net::Address address = net::local_address(one.fd);
    if (std::ranges::find(found, address) == found.end()) {  // each worker has one
      found.push_back(address);
    }
  }
  return found;
}

}  // namespace pingap::control

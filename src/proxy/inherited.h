// Listening sockets that somebody else has made: the process before this one, or a service manager.
// Connections that wait in their queues are not lost. Control thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "net/fd.h"

namespace pingap::proxy {

class InheritedSockets {
 public:
  // `address` as the configuration names it, or as the system does ("127.0.0.1:80"). There may be
  // several of one, each with a queue of its own.
  void add(std::string address, net::Fd socket) {
    sockets_.emplace_back(std::move(address), std::move(socket));
  }

  bool has(const std::string& address) const noexcept {
    for (const auto& [known, socket] : sockets_) {
      if (known == address) {
        return true;
      }
    }
    return false;
  }

  // All of an address.
  std::vector<net::Fd> take(const std::string& address) {
    std::vector<net::Fd> taken;
    std::erase_if(sockets_, [&](auto& one) {
      if (one.first != address) {
        return false;
      }
      taken.push_back(std::move(one.second));
      return true;
    });
    return taken;
  }

  // Those that nobody took.
  std::vector<std::string> left() const {
    std::vector<std::string> addresses;
    addresses.reserve(sockets_.size());
    for (const auto& [address, socket] : sockets_) {
      addresses.push_back(address);
    }
    return addresses;
  }

 private:
  std::vector<std::pair<std::string, net::Fd>> sockets_;
};

}  // namespace pingap::proxy

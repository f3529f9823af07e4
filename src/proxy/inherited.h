// Listening sockets that somebody else has made: the process before this one, or a service manager.
// Connections that wait in their queues are not lost. Control thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/fd.h"

namespace pingap::proxy {

class InheritedSockets {
 public:
  // `address` as the configuration names it, or as the system does ("127.0.0.1:80"). There may be
  // several of one, each with a queue of its own. `name` is that of a server whose socket it is
  // meant to be, or anything else.
  void add(std::string address, net::Fd socket, std::string name = {});

  bool has(std::string_view address) const noexcept;
  // Whether [servers.NAME] need not listen on `address` by itself.
  bool stands_in(std::string_view server, std::string_view address) const noexcept;

  // Sockets with the name of this server, and of none of its addresses, become those of its
  // addresses that have none, one each in their order; more than that become those of the last.
  void assign(std::string_view server, const std::vector<std::string>& addresses);

  // All of an address.
  std::vector<net::Fd> take(std::string_view address);

  // The addresses of those that nobody took.
  std::vector<std::string> left() const;

 private:
  struct One {
    std::string address;
    std::string name;
    net::Fd socket;
  };

  std::vector<One> sockets_;
};

}  // namespace pingap::proxy

#include "proxy/inherited.h"

#include <algorithm>
#include <utility>

namespace pingap::proxy {

void InheritedSockets::add(std::string address, net::Fd socket, std::string name) {
  sockets_.push_back({std::move(address), std::move(name), std::move(socket)});
}

bool InheritedSockets::has(std::string_view address) const noexcept {
  return std::ranges::find(sockets_, address, &One::address) != sockets_.end();
}

bool InheritedSockets::stands_in(std::string_view server, std::string_view address) const noexcept {
  return has(address) || std::ranges::find(sockets_, server, &One::name) != sockets_.end();
}

void InheritedSockets::assign(std::string_view server, const std::vector<std::string>& addresses) {
  std::vector<std::string> open;
  std::ranges::copy_if(addresses, std::back_inserter(open),
                       [this](const std::string& address) { return !has(address); });
  size_t next = 0;
  for (One& one : sockets_) {
    const bool known = std::ranges::find(addresses, one.address) != addresses.end();
    if (one.name == server && !known && !open.empty()) {
      one.address = open[std::min(next++, open.size() - 1)];
    }
  }
}

std::vector<net::Fd> InheritedSockets::take(std::string_view address) {
  std::vector<net::Fd> taken;
  std::erase_if(sockets_, [&](One& one) {
    if (one.address != address) {
      return false;
    }
    taken.push_back(std::move(one.socket));
    return true;
  });
  return taken;
}

std::vector<std::string> InheritedSockets::left() const {
  std::vector<std::string> addresses;
  addresses.reserve(sockets_.size());
  for (const One& one : sockets_) {
    addresses.push_back(one.address);
  }
  return addresses;
}

}  // namespace pingap::proxy

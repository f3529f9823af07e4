#include "net/interfaces.h"

#include <ifaddrs.h>
#include <memory>

#include "net/address.h"

namespace pingap::net {

bool is_loopback(const IpAddress& ip) noexcept {
  constexpr uint8_t kFirst = 127;
  IpAddress one;  // ::1
  one.size = 16;
  one.bytes.back() = 1;
  return ip == one || (ip.size == 4 && ip.bytes.front() == kFirst);
}

std::vector<IpAddress> interface_addresses() {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) {
    return {};
  }
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> list(first, &::freeifaddrs);
  std::vector<IpAddress> found;
  for (const ifaddrs* one = first; one != nullptr; one = one->ifa_next) {
    const int family = one->ifa_addr == nullptr ? AF_UNSPEC : int{one->ifa_addr->sa_family};
    if (family == AF_INET || family == AF_INET6) {
      const socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
      found.push_back(Address::from(one->ifa_addr, size).ip());
    }
  }
  return found;
}

}  // namespace pingap::net

// The addresses of this machine's interfaces, as of now. Any thread.
#pragma once

#include <vector>

#include "base/ip.h"

namespace pingap::net {

// Whether it is one of the loopback (RFC 1122 3.2.1.3, RFC 4291 2.5.3).
bool is_loopback(const IpAddress& ip) noexcept;

// Those of the loopback included. Empty where the system does not tell (a sandbox without netlink).
std::vector<IpAddress> interface_addresses();

}  // namespace pingap::net

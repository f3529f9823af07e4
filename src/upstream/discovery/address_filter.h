// Which addresses a name may lead to (SS-02): whoever answers for it must not be able to make us
// talk to this machine, or to what is only there for this machine. Control thread.
#pragma once

#include <string>
#include <vector>

#include "base/ip.h"
#include "config/model.h"

namespace pingap::upstream {

class AddressFilter {
 public:
  enum class Loopback : bool { refused, allowed };

  AddressFilter() = default;
  // `allow` are networks that are never refused.
  explicit AddressFilter(const std::vector<config::Located<std::string>>& allow);

  // Why the address is not used; null where it is.
  const char* refuses(const IpAddress& ip, Loopback loopback) const noexcept;

 private:
  NetworkSet allow_;
};

// Whether this is a name for this machine (RFC 6761 6.3).
bool is_localhost(std::string_view name) noexcept;

}  // namespace pingap::upstream

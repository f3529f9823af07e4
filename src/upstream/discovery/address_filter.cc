#include "upstream/discovery/address_filter.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "net/interfaces.h"

namespace pingap::upstream {
namespace {

struct Reserved {
  const char* network;
  const char* what;
};

// RFC 6890, and where clouds tell virtual machines their secrets. Private networks are where
// servers are: they are not in it.
constexpr std::array<Reserved, 11> kReserved = {{{"0.0.0.0/8", "it is no host"},
                                                 {"169.254.0.0/16", "it is link-local"},
                                                 {"224.0.0.0/4", "it is multicast"},
                                                 {"240.0.0.0/4", "it is reserved or broadcast"},
                                                 {"::/128", "it is no host"},
                                                 {"fe80::/10", "it is link-local"},
                                                 {"ff00::/8", "it is multicast"},
                                                 {"100.100.100.200", "it tells secrets of a cloud"},
                                                 {"192.0.0.192", "it tells secrets of a cloud"},
                                                 {"fd00:ec2::254", "it tells secrets of a cloud"},
                                                 {"fd20:ce::254", "it tells secrets of a cloud"}}};
// IPv6 addresses that translators lead to the IPv4 address at their end (RFC 6052 2.1).
constexpr const char* kTranslated = "64:ff9b::/96";

bool is_in(const char* network, const IpAddress& ip) noexcept {
  const auto parsed = Network::parse(network);
  return parsed && parsed->contains(ip);
}

IpAddress translated(const IpAddress& ip) noexcept {
  IpAddress v4;
  v4.size = 4;
  std::copy_n(ip.bytes.begin() + 12, 4, v4.bytes.begin());
  return v4;
}

}  // namespace

AddressFilter::AddressFilter(const std::vector<config::Located<std::string>>& allow) {
  for (const auto& network : allow) {
    if (const auto parsed = Network::parse(network.value)) {
      allow_.add(*parsed);
    }
  }
}

const char* AddressFilter::refuses(const IpAddress& ip, Loopback loopback) const noexcept {
  if (allow_.contains(ip)) {
    return nullptr;
  }
  if (is_in(kTranslated, ip)) {
    return refuses(translated(ip), Loopback::refused);
  }
  for (const Reserved& one : kReserved) {
    if (is_in(one.network, ip)) {
      return one.what;
    }
  }
  return loopback == Loopback::refused && net::is_loopback(ip) ? "it is this machine's own"
                                                               : nullptr;
}

bool is_localhost(std::string_view name) noexcept {
  constexpr std::string_view kName = "localhost";
  if (name.ends_with('.')) {
    name.remove_suffix(1);
  }
  if (name.size() < kName.size() || !iequals(name.substr(name.size() - kName.size()), kName)) {
    return false;
  }
  return name.size() == kName.size() || name[name.size() - kName.size() - 1] == '.';
}

}  // namespace pingap::upstream

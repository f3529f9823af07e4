#include "upstream/discovery/address_filter.h"

#include <array>

#include "base/strings.h"

namespace pingap::upstream {
namespace {

struct Reserved {
  const char* network;
  const char* what;
};

// RFC 6890. Private networks are where servers are: they are not in it.
constexpr std::array<Reserved, 7> kReserved = {{{"0.0.0.0/8", "it is no host"},
                                                {"169.254.0.0/16", "it is link-local"},
                                                {"224.0.0.0/4", "it is multicast"},
                                                {"240.0.0.0/4", "it is reserved or broadcast"},
                                                {"::/128", "it is no host"},
                                                {"fe80::/10", "it is link-local"},
                                                {"ff00::/8", "it is multicast"}}};
constexpr std::array<const char*, 2> kLoopback = {"127.0.0.0/8", "::1/128"};

bool is_in(const char* network, const IpAddress& ip) noexcept {
  const auto parsed = Network::parse(network);
  return parsed && parsed->contains(ip);
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
  for (const Reserved& one : kReserved) {
    if (is_in(one.network, ip)) {
      return one.what;
    }
  }
  if (loopback == Loopback::refused) {
    for (const char* network : kLoopback) {
      if (is_in(network, ip)) {
        return "it is this machine's own";
      }
    }
  }
  return nullptr;
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

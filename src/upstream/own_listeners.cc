#include "upstream/own_listeners.h"

#include <algorithm>
#include <optional>

#include "net/interfaces.h"

namespace pingap::upstream {
namespace {

bool is_any(const net::Address& address) noexcept {
  const IpAddress ip = address.ip();
  return ip.size > 0 && std::ranges::all_of(ip.bytes, [](uint8_t byte) { return byte == 0; });
}

// Whether an address is one of this machine's; asks for them when it has to know, once.
class Machine {
 public:
  bool has(const IpAddress& ip) {
    if (net::is_loopback(ip)) {
      return true;
    }
    if (!addresses_) {
      addresses_ = net::interface_addresses();
    }
    return std::ranges::find(*addresses_, ip) != addresses_->end();
  }

 private:
  std::optional<std::vector<IpAddress>> addresses_;
};

bool leads_to(const net::Address& listener, const net::Address& found, Machine& machine) {
  if (found == listener) {
    return true;
  }
  return is_any(listener) && found.family() == listener.family() &&
         found.port() == listener.port() && (is_any(found) || machine.has(found.ip()));
}

}  // namespace

std::vector<Found> OwnListeners::take_from(std::vector<Found>& found) const {
  Machine machine;
  std::vector<Found> taken;
  std::erase_if(found, [&](const Found& one) {
    const bool ours = std::ranges::any_of(listening_, [&](const net::Address& listener) {
      return leads_to(listener, one.address, machine);
    });
    if (ours) {
      taken.push_back(one);
    }
    return ours;
  });
  return taken;
}

}  // namespace pingap::upstream

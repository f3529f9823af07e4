// IP addresses and networks as values. IPv4-mapped IPv6 addresses count as IPv4, so that a rule
// for 10.0.0.0/8 holds on a dual-stack listener too. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pingap {

struct IpAddress {
  std::array<uint8_t, 16> bytes{};  // IPv4 in the first four
  uint8_t size = 0;                 // 4, 16, or 0 = none (unix socket)

  bool operator==(const IpAddress&) const noexcept = default;

  static std::optional<IpAddress> parse(std::string_view text) noexcept;
  // Writes the text into `room` (at least 46 bytes); returns the part written.
  std::string_view format(char* room) const noexcept;
};

struct Network {
  IpAddress address;
  uint8_t prefix = 0;  // bits

  // "10.0.0.0/8", "::1", "192.168.1.1"; nullopt when it is none of these.
  static std::optional<Network> parse(std::string_view text) noexcept;
  bool contains(const IpAddress& ip) const noexcept;
};

class NetworkSet {
 public:
  void add(const Network& network) { networks_.push_back(network); }

  bool contains(const IpAddress& ip) const noexcept;

  // As contains(). A unix socket has no address: whoever may connect to it counts as listed, as
  // soon as anybody is.
  bool lists(const IpAddress& ip) const noexcept {
    return !empty() && (ip.size == 0 || contains(ip));
  }

  bool empty() const noexcept { return networks_.empty(); }

 private:
  std::vector<Network> networks_;
};

}  // namespace pingap

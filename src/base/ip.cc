#include "base/ip.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstring>

namespace pingap {
namespace {

constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) noexcept {
  std::array<char, INET6_ADDRSTRLEN> copy{};
  if (text.empty() || text.size() >= copy.size() || text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  std::copy(text.begin(), text.end(), copy.begin());
  IpAddress ip;
  if (inet_pton(AF_INET, copy.data(), ip.bytes.data()) == 1) {
    ip.size = 4;
    return ip;
  }
  if (inet_pton(AF_INET6, copy.data(), ip.bytes.data()) != 1) {
    return std::nullopt;
  }
  ip.size = 16;
  if (std::equal(kMapped.begin(), kMapped.end(), ip.bytes.begin())) {
    std::copy_n(ip.bytes.begin() + 12, 4, ip.bytes.begin());
    std::fill(ip.bytes.begin() + 4, ip.bytes.end(), uint8_t{0});
    ip.size = 4;
  }
  return ip;
}

std::string_view IpAddress::format(char* room) const noexcept {
  if (size == 0) {
    return {};
  }
  inet_ntop(size == 4 ? AF_INET : AF_INET6, bytes.data(), room, INET6_ADDRSTRLEN);
  return {room, std::strlen(room)};
}

std::optional<Network> Network::parse(std::string_view text) noexcept {
  const size_t slash = text.find('/');
  const auto ip = IpAddress::parse(text.substr(0, slash));
  if (!ip) {
    return std::nullopt;
  }
  Network network{*ip, static_cast<uint8_t>(ip->size * 8)};
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    unsigned bits = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    // "::ffff:10.0.0.0/104" counts the bits in front of the IPv4 address, too.
    const bool mapped = ip->size == 4 && text.substr(0, slash).find(':') != std::string_view::npos;
    const unsigned before = mapped ? 96 : 0;
    if (error != std::errc{} || end != digits.data() + digits.size() || bits < before ||
        bits - before > network.prefix) {
      return std::nullopt;
    }
    network.prefix = static_cast<uint8_t>(bits - before);
  }
  return network;
}

bool Network::contains(const IpAddress& ip) const noexcept {
  if (ip.size != address.size) {
    return false;
  }
  const size_t whole = prefix / 8;
  if (std::memcmp(ip.bytes.data(), address.bytes.data(), whole) != 0) {
    return false;
  }
  const unsigned rest = prefix % 8;
  if (rest == 0) {
    return true;
  }
  const auto mask = static_cast<uint8_t>(0xff00U >> rest);
  return ((ip.bytes[whole] ^ address.bytes[whole]) & mask) == 0;
}

bool NetworkSet::contains(const IpAddress& ip) const noexcept {
  return std::any_of(networks_.begin(), networks_.end(),
                     [&ip](const Network& network) { return network.contains(ip); });
}

}  // namespace pingap

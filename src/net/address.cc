#include "net/address.h"

#include <arpa/inet.h>
#include <cstddef>
#include <cstring>
#include <netdb.h>

#include <fmt/core.h>

#include "base/strings.h"

namespace pingap::net {
namespace {

constexpr std::string_view kUnix = "unix:";

std::optional<uint16_t> parse_port(std::string_view text) noexcept {
  const auto value = parse_decimal(text);
  if (!value || *value > 65535) {
    return std::nullopt;
  }
  return static_cast<uint16_t>(*value);
}

}  // namespace

Address::Address(const IpAddress& ip, uint16_t port) noexcept {
  if (ip.size == 4) {
    storage_.v4.sin_family = AF_INET;
    storage_.v4.sin_port = htons(port);
    std::memcpy(&storage_.v4.sin_addr, ip.bytes.data(), 4);
  } else {
    storage_.v6.sin6_family = AF_INET6;
    storage_.v6.sin6_port = htons(port);
    std::memcpy(&storage_.v6.sin6_addr, ip.bytes.data(), 16);
  }
}

std::optional<Address> Address::parse(std::string_view text) noexcept {
  if (text.starts_with(kUnix)) {
    const std::string_view path = text.substr(kUnix.size());
    Address address;
    if (path.empty() || path.size() >= sizeof(address.storage_.un.sun_path)) {
      return std::nullopt;
    }
    address.storage_.un.sun_family = AF_UNIX;
    std::memcpy(address.storage_.un.sun_path, path.data(), path.size());
    return address;
  }
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  std::string_view host = text.substr(0, colon);
  const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (brackets) {
    host = host.substr(1, host.size() - 2);
  }
  const auto ip = IpAddress::parse(host);
  const auto port = parse_port(text.substr(colon + 1));
  if (!ip || !port || (!brackets && host.find(':') != std::string_view::npos)) {
    return std::nullopt;
  }
  return Address(*ip, *port);
}

Address Address::from(const sockaddr* address, socklen_t size) noexcept {
  Address result;
  std::memcpy(&result.storage_, address, std::min<size_t>(size, sizeof(result.storage_)));
  return result;
}

bool Address::operator==(const Address& other) const noexcept {
  return family() == other.family() && port() == other.port() &&
         (is_unix() ? path() == other.path() : ip() == other.ip());
}

socklen_t Address::size() const noexcept {
  switch (family()) {
    case AF_INET:
      return sizeof(sockaddr_in);
    case AF_INET6:
      return sizeof(sockaddr_in6);
    case AF_UNIX:
      return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path().size() + 1);
    default:
      return 0;
  }
}

uint16_t Address::port() const noexcept {
  switch (family()) {
    case AF_INET:
      return ntohs(storage_.v4.sin_port);
    case AF_INET6:
      return ntohs(storage_.v6.sin6_port);
    default:
      return 0;
  }
}

IpAddress Address::ip() const noexcept {
  IpAddress ip;
  if (family() == AF_INET) {
    std::memcpy(ip.bytes.data(), &storage_.v4.sin_addr, 4);
    ip.size = 4;
  } else if (family() == AF_INET6) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(&storage_.v6.sin6_addr);
    if (IN6_IS_ADDR_V4MAPPED(&storage_.v6.sin6_addr)) {
      std::memcpy(ip.bytes.data(), bytes + 12, 4);
      ip.size = 4;
    } else {
      std::memcpy(ip.bytes.data(), bytes, 16);
      ip.size = 16;
    }
  }
  return ip;
}

std::string_view Address::path() const noexcept {
  return is_unix() ? std::string_view(storage_.un.sun_path) : std::string_view{};
}

std::string Address::to_string() const {
  if (is_unix()) {
    return fmt::format("unix:{}", path());
  }
  char room[INET6_ADDRSTRLEN];
  const std::string_view text = ip().format(room);
  const bool v6 = text.find(':') != std::string_view::npos;
  return v6 ? fmt::format("[{}]:{}", text, port()) : fmt::format("{}:{}", text, port());
}

std::string_view host_of(std::string_view text) noexcept {
  if (text.starts_with("unix:")) {
    return {};
  }
  if (text.starts_with('[')) {
    return text.substr(1, text.find(']') - 1);
  }
  return text.substr(0, text.rfind(':'));
}

std::vector<Address> resolve(std::string_view text) {
  if (const auto address = Address::parse(text)) {
    return {*address};
  }
  std::vector<Address> result;
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return result;
  }
  const std::string host(text.substr(0, colon));
  const std::string port(text.substr(colon + 1));
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* list = nullptr;
  if (getaddrinfo(host.c_str(), port.c_str(), &hints, &list) != 0) {
    return result;
  }
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    result.push_back(Address::from(entry->ai_addr, entry->ai_addrlen));
  }
  freeaddrinfo(list);
  return result;
}

}  // namespace pingap::net

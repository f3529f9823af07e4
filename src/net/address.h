// A socket address: IPv4, IPv6 or unix. A value; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <vector>

#include "base/error.h"
#include "base/ip.h"

namespace pingap::net {

class Address {
 public:
  Address() noexcept { storage_.any.sa_family = AF_UNSPEC; }

  Address(const IpAddress& ip, uint16_t port) noexcept;

  // "1.2.3.4:80", "[::1]:80", "unix:/path"; nullopt for anything else, host names included.
  static std::optional<Address> parse(std::string_view text) noexcept;
  static Address from(const sockaddr* address, socklen_t size) noexcept;

  const sockaddr* get() const noexcept { return &storage_.any; }

  socklen_t size() const noexcept;

  int family() const noexcept { return storage_.any.sa_family; }

  bool is_unix() const noexcept { return family() == AF_UNIX; }

  uint16_t port() const noexcept;          // 0 for unix
  IpAddress ip() const noexcept;           // size 0 for unix
  std::string_view path() const noexcept;  // of a unix socket

  const char* c_path() const noexcept { return storage_.un.sun_path; }

  std::string to_string() const;  // as parse() takes it

  // The same family, address, port or path.
  bool operator==(const Address& other) const noexcept;

 private:
  union Storage {
    char zeroed[sizeof(sockaddr_un)];  // first: {} clears all of it
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
    sockaddr_un un;
  };

  Storage storage_{};
};

// The host of "host:port" and "[::1]:port"; the name of a unix socket has none.
std::string_view host_of(std::string_view text) noexcept;

// The addresses of "host:port" (also any form of Address::parse). Blocks on the resolver of the
// system: no worker. Empty when the name does not resolve.
std::vector<Address> resolve(std::string_view text);

// What resolve() has given, by what it was given.
using NamedAddresses = std::map<std::string, std::vector<Address>, std::less<>>;

}  // namespace pingap::net

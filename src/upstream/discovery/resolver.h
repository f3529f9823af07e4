// Asks the domain name system. Control thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ip.h"

namespace pingap::upstream {

enum class Family : uint8_t { any, ipv4, ipv6 };

enum class Verdict : uint8_t {
  found,
  gone,    // whoever is responsible says that there is nothing
  failed,  // nobody knows
};

struct AddressAnswer {
  Verdict outcome = Verdict::failed;
  std::string why;                   // where nothing was found
  std::vector<IpAddress> addresses;  // the best first (RFC 6724)
  Duration ttl{};
  bool from_hosts = false;  // the name is in the hosts file
};

struct Service {  // RFC 2782
  std::string host;
  uint16_t port = 0;
  uint16_t priority = 0;
  uint16_t weight = 0;

  bool operator==(const Service&) const = default;
};

struct ServiceAnswer {
  Verdict outcome = Verdict::failed;
  std::string why;
  std::vector<Service> services;
  Duration ttl{};
};

class Resolver {
 public:
  // Whoever asks holds it for as long as the answer is wanted.
  using Question = std::shared_ptr<const void>;

  Resolver() = default;
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  virtual ~Resolver() = default;

  // The answer comes once, on the loop, never from inside the call.
  virtual Question find_addresses(const std::string& name, Family family,
                                  std::function<void(AddressAnswer)> answer) = 0;
  virtual Question find_services(const std::string& name,
                                 std::function<void(ServiceAnswer)> answer) = 0;
};

}  // namespace pingap::upstream

// Any bytes as what tells of servers: a message of a name server, a list of servers, Docker's list
// of containers. What is accepted is within its bounds and has addresses that may be connected to.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "config/value.h"
#include "upstream/discovery/ares_answer.h"
#include "upstream/discovery/containers.h"
#include "upstream/discovery/dns_message.h"
#include "upstream/discovery/server_list.h"

namespace {

using pingap::config::Diagnostics;
using pingap::upstream::AddressFilter;
using pingap::upstream::Found;

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

void check_message(std::string_view bytes) {
  const std::vector<uint8_t> message(bytes.begin(), bytes.end());
  if (const auto ttl = pingap::upstream::least_ttl(message)) {
    require(ttl->count() >= 0 && ttl->count() <= INT32_MAX);
    require(message.size() >= 12 + 10);
  }
  const auto services = pingap::upstream::read_services(0, message);
  require(services.outcome != pingap::upstream::Verdict::found || !services.services.empty());
}

void check_list(const std::string& text) {
  Diagnostics diagnostics;
  const uint32_t source = diagnostics.add_source("f", text);
  const auto servers = pingap::upstream::parse_server_list(text, {}, source, diagnostics);
  if (diagnostics.has_errors()) {
    require(!diagnostics.render().empty());
    return;
  }
  require(servers.size() <= pingap::upstream::kMaxListed);
  for (const Found& one : servers) {
    require(one.weight <= 1000 && one.address.size() > 0);
    require(pingap::net::Address::parse(one.address.to_string()) == one.address);
  }
}

void check_containers(const std::string& text) {
  Diagnostics diagnostics;
  const AddressFilter filter(std::vector<pingap::config::Located<std::string>>{});
  const auto found =
      pingap::upstream::parse_containers(text, {"web", 0, 1, 0}, filter, diagnostics);
  for (const Found& one : found.servers) {
    require(one.address.port() != 0);
    require(filter.refuses(one.address.ip(), AddressFilter::Loopback::refused) == nullptr);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) {
    return 0;
  }
  // A copy of its own size, so that reading past the end is seen.
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  switch (data[0] % 3) {
    case 0:
      check_message(text);
      break;
    case 1:
      check_list(text);
      break;
    default:
      check_containers(text);
      break;
  }
  return 0;
}

// Any bytes as a list of addresses and networks, one a line: what is read is written and read again
// as the same, and a network holds its own address and no other of another family.
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/ip.h"
#include "input.h"

namespace {

using namespace pingap;
using fuzz::require;

void check_address(const IpAddress& ip) {
  std::array<char, 46> room{};
  const fuzz::Exact written(ip.format(room.data()));
  require(IpAddress::parse(written.view()) == ip, "an address is read as it was written");
}

// Bit by bit, as nobody would for speed.
bool holds_plainly(const Network& network, const IpAddress& ip) {
  if (network.address.size != ip.size) {
    return false;
  }
  for (size_t bit = 0; bit < network.prefix; ++bit) {
    const auto of = [bit](const IpAddress& one) { return one.bytes[bit / 8] >> (7 - bit % 8) & 1; };
    if (of(network.address) != of(ip)) {
      return false;
    }
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest{reinterpret_cast<const char*>(data), size};
  NetworkSet set;
  std::vector<Network> networks;
  while (!rest.empty() && networks.size() < 64) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const fuzz::Exact line(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (const auto ip = IpAddress::parse(line.view())) {
      check_address(*ip);
    }
    if (const auto network = Network::parse(line.view())) {
      require(network->prefix <= network->address.size * 8,
              "a network has no more bits than it can");
      require(network->contains(network->address), "a network holds its own address");
      check_address(network->address);
      networks.push_back(*network);
      set.add(*network);
    }
  }
  for (const Network& asked : networks) {
    bool held = false;
    for (const Network& one : networks) {
      require(one.contains(asked.address) == holds_plainly(one, asked.address),
              "a network holds what has its bits");
      held = held || one.contains(asked.address);
    }
    require(set.contains(asked.address) == held, "a set holds what one of it does");
  }
  return 0;
}

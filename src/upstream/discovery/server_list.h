// A file that lists servers, in TOML or JSON. Control thread.
//
//   [[servers]]                      {"servers": [{"addr": "10.0.0.1:80", "weight": 2}]}
//   addr = "10.0.0.1:80"             [{"targets": ["10.0.0.1:80"]}]   (file_sd of Prometheus)
//   weight = 2
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostics.h"
#include "config/model.h"
#include "upstream/discovery/address_filter.h"
#include "upstream/discovery/source.h"

namespace pingap::upstream {

inline constexpr size_t kMaxServerList = 1 << 20;  // bytes
inline constexpr size_t kMaxListed = 10'000;       // servers

struct ListRules {
  uint16_t port = 80;    // of addresses without one
  AddressFilter filter;  // an address that it refuses is an error
  AddressFilter::Loopback loopback = AddressFilter::Loopback::refused;
};

// Of a file that the configuration names: who may write it may name servers of this machine.
ListRules file_rules(const config::Discovery& discovery, uint16_t port);

// The servers of a text that is source `source` of the diagnostics; of no use where these have
// errors then.
std::vector<Found> parse_server_list(std::string_view text, const ListRules& rules, uint32_t source,
                                     config::Diagnostics& diagnostics);

// The same of a file, which becomes the first source.
std::vector<Found> read_server_list(const std::string& path, const ListRules& rules,
                                    config::Diagnostics& diagnostics);

}  // namespace pingap::upstream

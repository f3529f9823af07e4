// What a key of etcd says of a server:
//
//   10.0.0.1:8080                                address
//   10.0.0.1:8080 2                              address, weight
//   {"addr": "10.0.0.1:8080", "weight": 2}       the same in JSON; also "priority"
//   {"Op": 0, "Addr": "10.0.0.1:8080"}           what etcd's own library for names writes
//
// or a list of servers, as in a file. Control thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "upstream/discovery/server_list.h"

namespace pingap::remote {

// Or why the text is of no use.
tl::expected<std::vector<upstream::Found>, std::string> parse_etcd_server(
    std::string_view text, const upstream::ListRules& rules);

}  // namespace pingap::remote

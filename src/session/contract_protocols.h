// The protocols that the session contract is tested with. Tests only.
#pragma once

#include <memory>
#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "session/contract_h1.h"
#include "session/contract_h2_client.h"

namespace pingap::session::contract {

// Makes one side of a protocol; its name is part of the tests' names.
template <class Side>
struct Named {
  const char* name;
  std::unique_ptr<Side> (*make)();
};

template <class Side>
void PrintTo(const Named<Side>& named, std::ostream* out) {  // NOLINT: the name is GoogleTest's
  *out << named.name;
}

template <class Side, class Protocol>
std::unique_ptr<Side> make_protocol() {
  return std::make_unique<Protocol>();
}

using NamedServer = Named<ServerProtocol>;
using NamedClient = Named<ClientProtocol>;

inline auto server_protocols() {
  return ::testing::Values(NamedServer{"H1", make_protocol<ServerProtocol, H1Server>});
}

inline auto client_protocols() {
  return ::testing::Values(NamedClient{"H1", make_protocol<ClientProtocol, H1Client>},
                           NamedClient{"H2", make_protocol<ClientProtocol, H2Client>});
}

// Those whose connection is the stream's own: it can be half closed, become a tunnel, and goes with
// the stream.
inline auto client_connections() {
  return ::testing::Values(NamedClient{"H1", make_protocol<ClientProtocol, H1Client>});
}

inline constexpr auto protocol_name = [](const auto& info) { return std::string(info.param.name); };

}  // namespace pingap::session::contract

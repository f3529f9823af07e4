// The protocols that the session contract is tested with, and what does not apply to each of them.
// Tests only.
#pragma once

#include <memory>
#include <ostream>
#include <span>
#include <string>

#include <gtest/gtest.h>

#include "session/contract_h1.h"
#include "session/contract_h2.h"
#include "session/contract_h2_client.h"

namespace pingap::session::contract {

// What a scenario needs; it is left out for a protocol that lacks it.
enum class Feature : uint8_t {
  half_close,          // a client that has ended its side may wait for its answer
  take_back,           // unsend()
  tunnel,              // Framing::tunnel
  rest_of_request,     // what comes of a request behind its answer is read
  answer_to_any_head,  // a head that does not come to its end can be answered
};

struct Lack {
  Feature feature;
  const char* why;
};

// Makes one side of a protocol; its name is part of the tests' names.
template <class Side>
struct Named {
  const char* name;
  std::unique_ptr<Side> (*make)();
  std::span<const Lack> lacks = {};

  // Null where it has it.
  const char* why_not(Feature feature) const {
    for (const Lack& lack : lacks) {
      if (lack.feature == feature) {
        return lack.why;
      }
    }
    return nullptr;
  }
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

inline constexpr Lack kH2ServerLacks[] = {
    {Feature::half_close,
     "a client of HTTP/2 ends its requests by END_STREAM; its FIN ends the connection, since "
     "nothing can open a window any more"},
    {Feature::take_back, "a head is in a frame at once, and stays there; the sink resets instead"},
    {Feature::tunnel, "it is asked for by extended CONNECT: tests/test_websocket_h2.py"},
    {Feature::rest_of_request,
     "RST_STREAM(NO_ERROR) ends it (RFC 9113 8.1), so that nothing has to be read away"},
    {Feature::answer_to_any_head,
     "behind half a header block HPACK is out of step (RFC 9113 4.3): the connection ends"},
};

inline constexpr NamedServer kH1Server{"H1", make_protocol<ServerProtocol, H1Server>};
inline constexpr NamedServer kH2Server{"H2", make_protocol<ServerProtocol, H2Server>,
                                       kH2ServerLacks};

inline auto server_protocols() {
  return ::testing::Values(kH1Server, kH2Server);
}

// For what is a protocol's own.
inline auto h1_server() {
  return ::testing::Values(kH1Server);
}

inline auto h2_server() {
  return ::testing::Values(kH2Server);
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

// At the start of a test (or of SetUp()): leaves it out, with the reason, for a protocol that lacks
// the feature.
#define CONTRACT_NEEDS(feature_)                                                  \
  do {                                                                            \
    if (const char* why_not_ = GetParam().why_not(Feature::feature_); why_not_) { \
      GTEST_SKIP() << why_not_;                                                   \
    }                                                                             \
  } while (false)

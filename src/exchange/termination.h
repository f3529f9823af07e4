// How and when an exchange ended, in two letters: for a look over many lines, where `reason` is for
// one of them. docs/errors.md has the table. Pure; any thread.
#pragma once

#include <string_view>

#include "exchange/exchange.h"

namespace pingap::exchange {

// Who ended it:                                  What was going on:
//   -  it ended as it should                       R  the client's request, routing, plugins
//   L  the proxy answered (plugin), as it should   Q  waiting for a server that may be asked
//   C  the client left                             C  connecting to it
//   c  the client was too slow                     H  waiting for the head of its answer
//   P  the proxy or a plugin refused               D  the body of the answer, or a tunnel
//   R  no room: of the proxy or its limits         -  nothing any more
//   S  the server failed
//   s  the server was too slow
//   T  the time for the whole exchange was over
//   K  the process ended
std::string_view termination(const Exchange& x) noexcept;

}  // namespace pingap::exchange

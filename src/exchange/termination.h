// How and when an exchange ended, in two letters: for a look over many lines, where `reason` is for
// one of them. docs/errors.md has the table. Pure; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
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
// All that there are: labels of metrics are these, and no others.
inline constexpr std::array<std::string_view, 32> kTerminations = {
    "--", "LR", "PR", "RQ", "SQ", "SC", "SH", "SD", "sQ", "sC", "sH", "sD", "cR", "cC", "cH", "cD",
    "CR", "CC", "CH", "CD", "TR", "TC", "TH", "TD", "KR", "KC", "KH", "KD", "RR", "RC", "RH", "RD"};

// The place of its letters in kTerminations.
uint8_t termination_index(const Exchange& x) noexcept;

inline std::string_view termination(const Exchange& x) noexcept {
  return kTerminations[termination_index(x)];
}

}  // namespace pingap::exchange

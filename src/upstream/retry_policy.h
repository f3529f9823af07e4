// When a request that a server did not answer well goes to another one. Any thread: const.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "base/status_set.h"

namespace pingap::upstream {

// What may go wrong with a try, a bit each.
enum class RetryOn : uint8_t {
  connect = 1,       // no connection: the server cannot have seen the request
  reset = 2,         // the connection went before there was an answer
  timeout = 4,       // no answer in time
  bad_response = 8,  // what came is no answer
};

struct RetryPolicy {
  // Of RetryOn.
  uint8_t on = static_cast<uint8_t>(RetryOn::connect) | static_cast<uint8_t>(RetryOn::reset) |
               static_cast<uint8_t>(RetryOn::bad_response);
  StatusSet statuses;      // answers that are as good as none
  uint32_t most = 2;       // beside one for a kept connection that had died
  uint32_t most_seen = 1;  // where the server may have seen the request
  Duration window{};       // since the request; 0 = no limit
  Duration per_try{};      // to the answer's head; 0 = read_timeout
  Duration hedge_after{};  // without an answer's head: a second try beside it; 0 = none
  bool watched = false;    // there is a per_try or a hedge_after
  // Also methods of which twice is not the same as once (RFC 9110 9.2.2), where the server may have
  // seen the request.
  bool any_method = false;

  bool has(RetryOn what) const noexcept { return (on & static_cast<uint8_t>(what)) != 0; }
};

}  // namespace pingap::upstream

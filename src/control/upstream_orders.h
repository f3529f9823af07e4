// What `pingap upstream` says and does: the servers of upstreams as they are, and what an operator
// tells one of them to do. Control thread.
#pragma once

#include <string>

#include "control/command.h"
#include "proxy/live_upstreams.h"

namespace pingap::control {

// Without the fields of an order: all servers, a line each. With `upstream`, `server` and `order`
// ("enable", "drain", "disable", or "weight" and then `weight`): does so and says it. `author` is
// for the log.
Answer order_upstream(const Command& command, const std::string& author,
                      proxy::LiveUpstreams& upstreams);

}  // namespace pingap::control

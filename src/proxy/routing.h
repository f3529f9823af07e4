// From a received head to the location that takes it and the request the backend will be sent. Used
// by the forwarder and by `pingap route explain`, so that both say the same. Any thread.
#pragma once

#include "base/error.h"
#include "exchange/exchange.h"
#include "proxy/snapshot.h"

namespace pingap::proxy {

// An OPTIONS that may be passed on no further (RFC 9110 7.6.2).
bool is_last_hop(const http::RequestHead& head) noexcept;

// Fills the canonical form of target and host, and who the client is; bad_target where there is
// none.
Result<> canonicalize_request(exchange::Exchange& x, const Site& site) noexcept;

// The location; needs the above. no_route where none takes the request.
Result<const Route*> find_route(exchange::Exchange& x, const Site& site) noexcept;

// What find_route() asks the router.
route::MatchInput match_input(const exchange::Exchange& x) noexcept;

// Fills x.upstream_request, for `cluster`; needs both of the above.
Result<> prepare_upstream_request(exchange::Exchange& x, const Site& site, const Route& route,
                                  const Cluster* cluster) noexcept;

}  // namespace pingap::proxy

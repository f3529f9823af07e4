// What becomes of the fields of a message on its way through: the one place for hop-by-hop fields,
// client address fields and the configured edits (security.md rules H, U, X, T). Worker.
#pragma once

#include "base/error.h"
#include "exchange/exchange.h"
#include "http/head.h"
#include "proxy/snapshot.h"

namespace pingap::proxy {

// Finds who the client is and how it asks: the peer over its connection, or behind trusted proxies
// the first address from the right of X-Forwarded-For that is not trusted, by the scheme of
// X-Forwarded-Proto.
void find_client(exchange::Exchange& x, const Site& site) noexcept;

// Fills x.upstream_request from x.request, but for target and framing.
Result<> make_upstream_request(exchange::Exchange& x, const Site& site,
                               const Route& route) noexcept;

// Fills x.response from `head`, but for framing.
void make_client_response(exchange::Exchange& x, const Site& site, const Route& route,
                          http::ResponseHead& head) noexcept;

// The edits of the location on x.response, which is an answer of ours.
void add_response_edits(exchange::Exchange& x, const Route& route) noexcept;

// A trailer section with only what may pass (rule T); the views stay those of `trailers`.
void filter_trailers(http::HeaderMap& trailers) noexcept;

}  // namespace pingap::proxy

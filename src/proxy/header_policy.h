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

// Removes from an interim response what the client does not get of its fields (RFC 9110 15.2).
void filter_interim(const Site& site, const Route& route, http::HeaderMap& fields) noexcept;

// Remove from a trailer section what may not pass (rule T): also what the location takes out of the
// head or puts there, and what we have put there.
void filter_request_trailers(const exchange::Exchange& x, const Site& site, const Route& route,
                             http::HeaderMap& trailers) noexcept;
void filter_response_trailers(const exchange::Exchange& x, const Site& site, const Route& route,
                              http::HeaderMap& trailers) noexcept;

}  // namespace pingap::proxy

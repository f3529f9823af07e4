// WebSocket handshakes: what the backend is asked, whether its answer is one, and what the client
// is told (RFC 6455 4, RFC 8441 5). Pure but for a random key.
//
//   HTTP/1.1: GET, Upgrade           -->                       GET, Upgrade, key
//             101, accept            <--  101 that fits them   101, accept
//   HTTP/2:   CONNECT, :protocol     -->  a key of our own     GET, Upgrade, key
//             200                    <--  101 that fits them   101, accept
#pragma once

#include "exchange/exchange.h"

namespace pingap::proxy {

// Makes a handshake of x.upstream_request. False: there is no key to be had.
bool ask_upgrade(exchange::Exchange& x) noexcept;

// Whether the backend's `head` can be passed on as the answer to x: a 101 has read the key and
// chose nothing that the client did not offer, and nothing but a 101 is taken for one.
bool fits_upgrade(const exchange::Exchange& x, const http::ResponseHead& head) noexcept;

// Makes of x.response, which is a 101, what tells the client that the tunnel is there.
void open_tunnel(exchange::Exchange& x) noexcept;

}  // namespace pingap::proxy

// WebSocket handshakes: what the backend is asked, whether its answer is one, and what the client
// is told (RFC 6455 4, RFC 8441 5). Pure but for a random key.
//
//   HTTP/1.1: GET, Upgrade           -->                       GET, Upgrade, key
//             101, accept            <--  101 that fits them   101, accept
//   HTTP/2:   CONNECT, :protocol     -->  a key of our own     GET, Upgrade, key
//             200                    <--  101 that fits them   101, accept
//
// and to a backend of HTTP/2
//
//   GET, Upgrade, key / CONNECT      -->                       CONNECT, :protocol
//             101, accept / 200      <--  2xx that fits        2xx
#pragma once

#include "exchange/exchange.h"

namespace pingap::proxy {

// Makes a handshake of x.upstream_request. False: there is no key to be had.
bool ask_upgrade(exchange::Exchange& x) noexcept;
// The same for a backend of HTTP/2: the session writes it as an extended CONNECT.
void ask_connect(exchange::Exchange& x) noexcept;

// Whether the backend's `head` can be passed on as the answer to x: a 101 has read the key and
// chose nothing that the client did not offer, and nothing but a 101 is taken for one. In HTTP/2
// there are no keys, and every 2xx is such an answer (Framing::tunnel).
bool fits_upgrade(const exchange::Exchange& x, const http::ResponseHead& head) noexcept;

// Makes of x.response, which opens a tunnel, what tells the client that the tunnel is there.
// False: there is no answer to the client's key.
bool open_tunnel(exchange::Exchange& x) noexcept;

}  // namespace pingap::proxy

// The handshake of WebSocket (RFC 6455 4): shown that the other end has read our key. Any thread.
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace pingap::http {

// The value of Sec-WebSocket-Accept.
using WebSocketAccept = std::array<char, 28>;

// A fresh value of Sec-WebSocket-Key (RFC 6455 4.1). nullopt when there is no randomness.
using WebSocketKey = std::array<char, 24>;
std::optional<WebSocketKey> make_websocket_key() noexcept;

// What a server answers to `key` (RFC 6455 4.2.2 5.4). nullopt when it is longer than any key, or
// the library has no SHA-1.
std::optional<WebSocketAccept> websocket_accept_for(std::string_view key) noexcept;

// Whether `accept` is the answer to `key` (RFC 6455 4.1).
bool websocket_accepts(std::string_view key, std::string_view accept) noexcept;

}  // namespace pingap::http

// What sessions need from those who own them, and what they are told. Worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/clock.h"
#include "http/h1/parser.h"
#include "http/stream.h"
#include "net/transport.h"

namespace pingap::session {

class ClientSession;
class Peer;
class ServerSession;

// Settings of a listener's sessions; outlive them.
struct ServerSettings {
  http::h1::HeadLimits limits = http::h1::kRequestLimits;
  Duration header_timeout{};        // from accept, or the first byte of a request, to its full head
  Duration keepalive_timeout{};     // idle between requests
  Duration body_timeout{};          // without a byte of an announced body
  Duration write_timeout{};         // without kWriteProgress bytes taken by the client
  Duration tunnel_timeout{};        // idle in both directions
  uint32_t min_body_rate = 0;       // bytes/s of an upload, averaged over 30 s; 0 = off
  uint32_t keepalive_requests = 0;  // 0 = no limit
  bool websocket = false;           // HTTP/2 may ask for it (RFC 8441): announced
};

// Takes the streams of client connections.
class RequestAcceptor {
 public:
  virtual http::RequestSink& on_new_stream(http::ServerStream& stream,
                                           ServerSession& session) noexcept = 0;

  // The connection speaks HTTP/2 (prior knowledge, RFC 9113 3.3): `bytes`, all there are so far,
  // start with the preface. True where it was taken over, its transport with it; then `session`
  // ends.
  virtual bool on_h2_preface(ServerSession& /*session*/,
                             std::unique_ptr<net::Transport>& /*transport*/,
                             std::string_view /*bytes*/) noexcept {
    return false;
  }

  // A proxy before us has said who its client is: the connection is that one's from now on, and
  // goes on with `transport`. Then `session` ends.
  virtual void on_proxy_header(ServerSession& /*session*/,
                               std::unique_ptr<net::Transport> /*transport*/,
                               const Peer& /*client*/) noexcept {}

  // The connection is closed before its first request, and why belongs into the log.
  virtual void on_turned_away(ServerSession& /*session*/, ErrorCode /*why*/) noexcept {}

  // The handshake of `session` is over: a session of the protocol that was agreed on takes the
  // transport. Then `session` ends.
  virtual void on_secured(ServerSession& /*session*/,
                          std::unique_ptr<net::Transport> /*transport*/) noexcept {}

  // There will be no agreement on TLS: `why`, for people. Then `session` ends.
  virtual void on_handshake_failed(ServerSession& /*session*/, std::string_view /*why*/) noexcept {}

  // The connection is gone; the session is destroyed at the end of the turn.
  virtual void on_session_closed(ServerSession& session) noexcept = 0;

 protected:
  ~RequestAcceptor() = default;
};

// Settings of connections to one upstream; outlive them.
struct ClientSettings {
  http::h1::HeadLimits limits = http::h1::kResponseLimits;
  Duration connect_timeout{};
  Duration read_timeout{};   // to the full response head; then without a byte of the body
  Duration write_timeout{};  // without a byte taken by the backend
  Duration idle_timeout{};   // unused in the pool
  Duration tunnel_timeout{};
};

// Owns the connections to a backend.
class ClientSessionOwner {
 public:
  // The session can be opened again. Of those that serve several requests at once also when the
  // last one has ended.
  virtual void on_session_free(ClientSession& session) noexcept = 0;

  // The peer has chosen the other version of HTTP than the session speaks (ALPN). True where the
  // owner has made one of it that does, of `transport`; then `session` ends.
  virtual bool on_other_protocol(ClientSession& /*session*/,
                                 std::unique_ptr<net::Transport>& /*transport*/) noexcept {
    return false;
  }

  // Its TLS stands, and has taken that long; or will not stand: then the session ends.
  virtual void on_session_secured(ClientSession& /*session*/, Duration /*took*/) noexcept {}

  virtual void on_session_not_secured(ClientSession& /*session*/) noexcept {}

  // What it was opened for is over, and its last bytes are still to go out; then it is gone.
  virtual void on_session_lingers(ClientSession& /*session*/) noexcept {}

  // It is gone, from whatever state; destroyed at the end of the turn.
  virtual void on_session_gone(ClientSession& session) noexcept = 0;

 protected:
  ~ClientSessionOwner() = default;
};

}  // namespace pingap::session

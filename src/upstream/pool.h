// The connections of one worker to one endpoint. Worker.
// HTTP/1: idle ones are kept and the one used last is taken first, so that a surplus ages out.
// HTTP/2: requests share the connection that had room last; another is made where none has any.
#pragma once

#include <cstdint>
#include <memory>

#include "net/event_loop.h"
#include "net/transport.h"
#include "session/client_session.h"
#include "session/session.h"
#include "upstream/endpoint.h"

namespace pingap::session {
class H1ClientSession;
class H2ClientSession;
}  // namespace pingap::session

namespace pingap::upstream {

// Which kept connections may serve a request (security.md 2B).
enum class Reuse : uint8_t {
  never,   // after a stale one: a fresh connection
  recent,  // used within the last seconds: for requests that must not be sent twice
  any,
};

enum class Protocol : uint8_t { http1, h2c };

// What the pools of an upstream are told; outlives them.
struct PoolSettings {
  Protocol protocol = Protocol::http1;
  uint32_t max_idle = 0;     // connections kept; per endpoint and worker
  uint32_t max_streams = 0;  // requests at once on a connection, where it can have several
};

class EndpointPool final : public session::ClientSessionOwner {
 public:
  EndpointPool(net::EventLoop& loop, const Endpoint& endpoint,
               const PoolSettings& settings) noexcept;
  EndpointPool(const EndpointPool&) = delete;
  EndpointPool& operator=(const EndpointPool&) = delete;
  ~EndpointPool();

  struct Opened {
    http::ClientStream* stream;
    bool reused;
  };

  // A stream on a kept or new connection. An error here means that not even a socket could be
  // had; a connection that fails later says so to the sink. `opening` is sent first on a new
  // connection; one that needs it is of HTTP/1 and never kept (`max_idle` is 0).
  Result<Opened> open(http::ResponseSink& sink, Reuse reuse,
                      const session::ClientSettings& settings, std::string_view opening) noexcept;

  // Closes what is idle, and what is shared when its last request has ended; keeps nothing from
  // now on.
  void drain() noexcept;

  const Endpoint& endpoint() const noexcept { return endpoint_; }

  // Of HTTP/1.
  uint32_t idle() const noexcept { return idle_count_; }

  uint32_t connections() const noexcept { return connections_; }

  void on_session_free(session::ClientSession& session) noexcept override;
  void on_session_gone(session::ClientSession& session) noexcept override;

 private:
  using List = IntrusiveList<session::ClientSession, session::ClientSessionTag>;

  struct Dialed {
    std::unique_ptr<net::Transport> transport;
    bool in_progress;
  };

  // Backends rarely close a connection that was in use this recently, so a request that must not
  // be sent twice is safe enough on it.
  static constexpr Duration kRecent = std::chrono::seconds(2);

  Result<Dialed> dial() noexcept;

  bool shares() const noexcept { return settings_.protocol == Protocol::h2c; }

  // HTTP/1
  session::H1ClientSession* take_idle(Reuse reuse) noexcept;
  Result<session::H1ClientSession*> connect(const session::ClientSettings& settings) noexcept;
  void keep(session::ClientSession& session) noexcept;

  // HTTP/2
  Result<Opened> open_shared(http::ResponseSink& sink, Reuse reuse,
                             const session::ClientSettings& settings) noexcept;
  session::H2ClientSession* find_shared(Reuse reuse) noexcept;
  bool may_be_stale(const session::H2ClientSession& session, Reuse reuse) const noexcept;
  Result<session::H2ClientSession*> connect_shared(
      const session::ClientSettings& settings) noexcept;
  void share(session::H2ClientSession& session) noexcept;
  static session::H2ClientSession* shared(session::ClientSession* session) noexcept;

  net::EventLoop& loop_;
  const Endpoint& endpoint_;
  const PoolSettings& settings_;
  uint32_t max_idle_;
  uint32_t idle_count_ = 0;
  uint32_t connections_ = 0;
  uint32_t next_address_ = 0;
  uint32_t streams_hint_;  // what the endpoint allowed a connection that was full
  List idle_;              // of HTTP/1
  List shared_;            // of HTTP/2: may have room
  List full_;              // of HTTP/2: until they say that they have
};

}  // namespace pingap::upstream

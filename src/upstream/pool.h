// The connections of one worker to one endpoint: idle ones are kept and the one used last is
// taken first, so that a surplus ages out. Worker.
#pragma once

#include <cstdint>

#include "net/event_loop.h"
#include "session/h1_client_session.h"
#include "session/session.h"
#include "upstream/endpoint.h"

namespace pingap::upstream {

// Which kept connections may serve a request (security.md 2B).
enum class Reuse : uint8_t {
  never,   // after a stale one: a fresh connection
  recent,  // used within the last seconds: for requests that must not be sent twice
  any,
};

class EndpointPool final : public session::ClientSessionOwner {
 public:
  EndpointPool(net::EventLoop& loop, const Endpoint& endpoint, uint32_t max_idle) noexcept;
  EndpointPool(const EndpointPool&) = delete;
  EndpointPool& operator=(const EndpointPool&) = delete;
  ~EndpointPool();

  struct Opened {
    http::ClientStream* stream;
    bool reused;
  };

  // A stream on a kept or new connection. An error here means that not even a socket could be
  // had; a connection that fails later says so to the sink. `opening` is sent first on a new
  // connection; one that needs it is never kept (`max_idle` is 0).
  Result<Opened> open(http::ResponseSink& sink, Reuse reuse,
                      const session::ClientSettings& settings, std::string_view opening) noexcept;

  // Closes what is idle and keeps nothing from now on.
  void drain() noexcept;

  const Endpoint& endpoint() const noexcept { return endpoint_; }

  uint32_t idle() const noexcept { return idle_count_; }

  uint32_t connections() const noexcept { return connections_; }

  void on_session_idle(session::H1ClientSession& session) noexcept override;
  void on_session_gone(session::H1ClientSession& session) noexcept override;

 private:
  session::H1ClientSession* take_idle(Reuse reuse) noexcept;
  Result<session::H1ClientSession*> connect(const session::ClientSettings& settings) noexcept;

  net::EventLoop& loop_;
  const Endpoint& endpoint_;
  uint32_t max_idle_;
  uint32_t idle_count_ = 0;
  uint32_t connections_ = 0;
  uint32_t next_address_ = 0;
  IntrusiveList<session::H1ClientSession, session::ClientSessionTag> idle_;
};

}  // namespace pingap::upstream

// A client connection until its TLS handshake is over; then the session of the protocol that was
// agreed on takes its place. Worker. Bounded by header_timeout.
#pragma once

#include <memory>

#include "base/slab.h"
#include "net/event_loop.h"
#include "net/transport.h"
#include "session/server_session.h"
#include "session/session.h"

namespace pingap::session {

class HandshakeSession;
struct HandshakeTag;

// Handshakes cost milliseconds each: those of one worker share a part of each turn, so that a flood
// of them does not stop the requests of others. Worker.
class HandshakeQueue final : public net::Resumable {
 public:
  explicit HandshakeQueue(net::EventLoop& loop) noexcept : loop_(loop) {}

  // `session` goes on with its handshake in this turn or one of the next.
  void add(HandshakeSession& session) noexcept;
  void on_resume() noexcept override;

 private:
  net::EventLoop& loop_;
  IntrusiveList<HandshakeSession, HandshakeTag> waiting_;
};

class HandshakeSession final : public net::IoHandler,
                               public net::Retirable,
                               public ServerSession,
                               public ListHook<HandshakeTag>,
                               public Pooled<HandshakeSession> {
 public:
  HandshakeSession(net::EventLoop& loop, HandshakeQueue& queue,
                   std::unique_ptr<net::Transport> transport, const Peer& peer,
                   const ServerSettings& settings, RequestAcceptor& acceptor) noexcept;

  // ServerSession
  bool start() noexcept override;

  // What comes of it is told to drain when it starts.
  void drain() noexcept override {}

  void serve_one() noexcept override {}

  void abort() noexcept override { close(); }

  // Silent from the start: it may go where the place is needed.
  Speaks speaks() const noexcept override { return Speaks::tls_handshake; }

  bool waiting() const noexcept override { return !heard_; }

  int fd() const noexcept override { return transport_ ? transport_->fd() : -1; }

  // Since start().
  Duration age() const noexcept { return loop_.now() - started_; }

  // net::IoHandler
  void on_io(net::IoEvents ready) noexcept override;

  // Its turn.
  void go_on() noexcept;

 private:
  void on_timer() noexcept;
  void fail(std::string_view why) noexcept;
  void close() noexcept;

  net::EventLoop& loop_;
  HandshakeQueue& queue_;
  std::unique_ptr<net::Transport> transport_;
  RequestAcceptor& acceptor_;
  net::Timer timer_{Callback<void()>::of<&HandshakeSession::on_timer>(this)};
  TimePoint started_{};
  bool heard_ = false;   // something has come of the peer
  bool hangup_ = false;  // its FIN is known
  bool closed_ = false;
};

}  // namespace pingap::session

// The first step of a connection from a proxy that says who its client is (PROXY protocol, see
// net/proxy_protocol.h). Worker. Reads that header, not a byte more, and lets the acceptor go on
// with the connection. Owns itself until then, or until it is closed.
//
// A header that is wrong, late or missing closes the connection without an answer: whoever sent it
// may be anybody, and a request in front of which it is missing has no client that could be told.
#pragma once

#include <memory>

#include "base/chunk.h"
#include "base/slab.h"
#include "net/event_loop.h"
#include "net/timer.h"
#include "net/transport.h"
#include "session/server_session.h"
#include "session/session.h"

namespace pingap::session {

class ProxyHeaderSession final : public net::IoHandler,
                                 public net::Retirable,
                                 public ServerSession,
                                 public Pooled<ProxyHeaderSession> {
 public:
  ProxyHeaderSession(net::EventLoop& loop, std::unique_ptr<net::Transport> transport,
                     const Peer& peer, const ServerSettings& settings,
                     RequestAcceptor& acceptor) noexcept;

  // ServerSession
  bool start() noexcept override;
  void drain() noexcept override;
  void serve_one() noexcept override;
  void abort() noexcept override;

  Speaks speaks() const noexcept override { return Speaks::proxy_header; }

  bool waiting() const noexcept override { return transport_ != nullptr && size_ == 0; }

  int fd() const noexcept override { return transport_ ? transport_->fd() : -1; }

  // net
  void on_io(net::IoEvents ready) noexcept override;

 private:
  void read_header() noexcept;
  bool take(size_t bytes) noexcept;
  void go_on(const Peer& client) noexcept;
  void refuse(ErrorCode why) noexcept;
  void close() noexcept;
  void on_timer() noexcept;

  net::EventLoop& loop_;
  std::unique_ptr<net::Transport> transport_;  // null once closed or handed on
  RequestAcceptor& acceptor_;
  ChunkRef header_;  // as far as it is here
  size_t size_ = 0;
  bool gone_ = false;
  net::Timer timer_{Callback<void()>::of<&ProxyHeaderSession::on_timer>(this)};
};

}  // namespace pingap::session

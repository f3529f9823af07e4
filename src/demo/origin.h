// One demo backend: a listening socket and its connections. The thread of DemoBackends.
#pragma once

#include <string>
#include <string_view>

#include "base/chunk.h"
#include "net/event_loop.h"
#include "net/listener.h"
#include "session/h1_server_session.h"

namespace pingap::demo {

class Origin final : public net::AcceptHandler, public session::RequestAcceptor {
 public:
  Origin(net::EventLoop& loop, net::Fd socket, std::string name);
  virtual ~Origin() = default;

  Result<> start() noexcept { return listener_.start(); }

  // Closes all connections.
  void abort() noexcept;

  net::EventLoop& loop() noexcept { return loop_; }

  const std::string& name() const noexcept { return name_; }

  // A chunk full of "0123456789abcdef", for bodies that only have to be long.
  const ChunkRef& filler() noexcept;

  // net::AcceptHandler
  void on_accept(net::Fd connection, const net::Address& peer) noexcept override;
  // session::RequestAcceptor
  http::RequestSink& on_new_stream(http::ServerStream& stream,
                                   session::ServerSession& session) noexcept override;
  void on_session_closed(session::ServerSession& session) noexcept override;

 private:
  net::EventLoop& loop_;
  net::Listener listener_;
  std::string name_;
  session::ServerSettings settings_;
  ChunkRef filler_;
  IntrusiveList<session::ServerSession, session::ServerSessionTag> sessions_;
};

}  // namespace pingap::demo

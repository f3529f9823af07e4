// One listening address of a site on one worker: accepts connections and gives each request a
// Forwarder. Worker.
#pragma once

#include <cstdint>
#include <string>

#include "net/listener.h"
#include "observe/log_sink.h"
#include "proxy/snapshot.h"
#include "session/h1_server_session.h"

namespace pingap::proxy {

class Worker;

class Frontend final : public net::AcceptHandler, public session::RequestAcceptor {
 public:
  Frontend(Worker& worker, const Site& site, net::Fd socket, observe::LogBuffer* log);
  virtual ~Frontend();

  Result<> start() noexcept { return listener_.start(); }

  // Takes no new connections, closes idle ones, lets the others finish.
  void drain() noexcept;
  // Closes everything.
  void abort() noexcept;

  Worker& worker() noexcept { return worker_; }

  const Site& site() const noexcept { return site_; }

  std::string_view address_text() const noexcept { return address_text_; }

  uint16_t port() const noexcept { return port_; }

  uint32_t connections() const noexcept { return connections_; }

  // The request is over: logs it.
  void on_exchange_done(const exchange::Exchange& x) noexcept;

  // net::AcceptHandler
  void on_accept(net::Fd connection, const net::Address& peer) noexcept override;
  // session::RequestAcceptor
  http::RequestSink& on_new_stream(http::ServerStream& stream,
                                   session::H1ServerSession& session) noexcept override;
  void on_session_closed(session::H1ServerSession& session) noexcept override;

 private:
  bool make_room() noexcept;

  Worker& worker_;
  const Site& site_;
  net::Listener listener_;
  observe::LogBuffer* log_;  // null = off
  std::string address_text_;
  uint16_t port_ = 0;
  uint32_t connections_ = 0;
  bool draining_ = false;
  IntrusiveList<session::H1ServerSession, session::ServerSessionTag> sessions_;  // oldest first
};

}  // namespace pingap::proxy

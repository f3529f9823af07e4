// A small HTTP server on the control loop, for what people and monitors ask of the process itself:
// the sessions are those of the proxy. Few connections, whole answers. Control thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/method.h"
#include "net/event_loop.h"
#include "net/listener.h"
#include "session/handshake_session.h"
#include "session/server_session.h"
#include "session/session.h"
#include "tls/live.h"
#include "tls/server_context.h"

namespace pingap::admin {

// All of it is there; the texts are the request's own.
struct HttpRequest {
  http::Method method = http::Method::get;
  std::string path;   // as sent, without the query
  std::string query;  // without "?"
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  // The first of that name in any case; empty where there is none.
  std::string_view header(std::string_view name) const noexcept;
};

struct HttpReply {
  uint16_t status = 200;
  std::string_view content_type = "text/plain; charset=utf-8";  // a constant
  std::string body;
  std::vector<std::pair<std::string_view, std::string>> headers;  // names are constants
};

// Must not block for long: the process is led by the same thread.
class HttpHandler {
 public:
  using Done = std::function<void(HttpReply)>;

  // `done` is called once, now or later; it may outlive the connection. `request` goes before.
  virtual void on_request(const HttpRequest& request, const Done& done) = 0;

  // For connections from now on; null = without TLS. Without a context they are closed.
  virtual const tls::LiveServer* tls() const noexcept { return nullptr; }

 protected:
  ~HttpHandler() = default;
};

class HttpService final : public net::AcceptHandler, public session::RequestAcceptor {
 public:
  // Connections at once; for one more the oldest idle one is closed, or it is closed itself.
  static constexpr size_t kMostConnections = 64;

  // Both outlive it. Bodies of requests that are longer than `max_body` bytes are refused.
  HttpService(net::EventLoop& loop, HttpHandler& handler, size_t max_body);
  HttpService(const HttpService&) = delete;
  HttpService& operator=(const HttpService&) = delete;
  virtual ~HttpService();

  // Serves who comes to this socket and no other from now on; a listening one. None: nobody any
  // more. What is under way ends.
  Result<> listen_on(net::Fd socket);

  // -1 = none.
  int fd() const noexcept { return listener_ ? listener_->fd() : -1; }

  // Gives the socket up; another process has it, too.
  void hand_over() noexcept;

  net::EventLoop& loop() noexcept { return loop_; }

  HttpHandler& handler() noexcept { return handler_; }

  size_t max_body() const noexcept { return max_body_; }

  // net::AcceptHandler
  void on_accept(net::Fd connection, const net::Address& peer) noexcept override;
  // session::RequestAcceptor
  http::RequestSink& on_new_stream(http::ServerStream& stream,
                                   session::ServerSession& session) noexcept override;
  void on_secured(session::ServerSession& session,
                  std::unique_ptr<net::Transport> transport) noexcept override;
  void on_session_closed(session::ServerSession& session) noexcept override;

 private:
  template <class Session>
  void begin(std::unique_ptr<Session> session) noexcept;
  bool make_room() noexcept;
  void drain_sessions() noexcept;

  net::EventLoop& loop_;
  HttpHandler& handler_;
  const size_t max_body_;
  const session::ServerSettings settings_;
  std::optional<net::Listener> listener_;
  session::HandshakeQueue handshakes_{loop_};
  size_t connections_ = 0;
  IntrusiveList<session::ServerSession, session::ServerSessionTag> sessions_;
};

}  // namespace pingap::admin

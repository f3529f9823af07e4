#include "admin/http_service.h"

#include "admin/http_call.h"
#include "base/strings.h"
#include "net/transport.h"
#include "session/h1_server_session.h"
#include "tls/transport.h"

namespace pingap::admin {
namespace {

session::ServerSettings settings() {
  using std::chrono::seconds;
  session::ServerSettings settings;
  settings.header_timeout = seconds(10);
  settings.keepalive_timeout = seconds(75);
  settings.body_timeout = seconds(10);
  settings.write_timeout = seconds(10);  // who does not read holds an answer in memory
  settings.tunnel_timeout = seconds(1);  // there are none
  return settings;
}

}  // namespace

std::string_view HttpRequest::header(std::string_view name) const noexcept {
  for (const auto& [known, value] : headers) {
    if (iequals(known, name)) {
      return value;
    }
  }
  return {};
}

HttpService::HttpService(net::EventLoop& loop, HttpHandler& handler, size_t max_body)
    : loop_(loop), handler_(handler), max_body_(max_body), settings_(settings()) {
}

HttpService::~HttpService() {
  while (!sessions_.empty()) {
    sessions_.front()->abort();
  }
}

Result<> HttpService::listen_on(net::Fd socket) {
  listener_.reset();
  drain_sessions();
  if (!socket) {
    return {};
  }
  listener_.emplace(loop_, std::move(socket), *this);
  return listener_->start();
}

void HttpService::hand_over() noexcept {
  if (listener_) {
    listener_->release();
    listener_.reset();
  }
  drain_sessions();
}

void HttpService::drain_sessions() noexcept {
  session::ServerSession* next = nullptr;
  for (session::ServerSession* session = sessions_.front(); session != nullptr; session = next) {
    next = sessions_.next(*session);
    session->drain();
  }
}

void HttpService::on_accept(net::Fd connection, const net::Address& peer) noexcept {
  if (connections_ >= kMostConnections && !make_room()) {
    return;
  }
  const session::Peer from(peer);
  const tls::LiveServer* tls = handler_.tls();
  if (tls == nullptr) {
    auto transport = std::make_unique<net::SocketTransport>(std::move(connection));
    begin(std::make_unique<session::H1ServerSession>(loop_, std::move(transport), from, settings_,
                                                     *this));
    return;
  }
  auto context = tls->get();
  auto ssl = context == nullptr ? nullptr : context->accept();
  if (ssl != nullptr) {  // else: its certificate cannot be used, or out of memory
    auto transport =
        std::make_unique<tls::Transport>(std::move(connection), std::move(ssl), std::move(context));
    begin(std::make_unique<session::HandshakeSession>(loop_, handshakes_, std::move(transport),
                                                      from, settings_, *this));
  }
}

template <class Session>
void HttpService::begin(std::unique_ptr<Session> session) noexcept {
  if (session->start()) {
    ++connections_;
    sessions_.push_back(*session.release());  // it owns itself until it is closed
  }
}

// HTTP/2 is not offered: it is HTTP/1.
void HttpService::on_secured(session::ServerSession& session,
                             std::unique_ptr<net::Transport> transport) noexcept {
  auto agreed = transport->take_secured();
  auto successor = std::make_unique<session::H1ServerSession>(loop_, std::move(transport),
                                                              session.peer(), settings_, *this);
  successor->set_secured(std::move(agreed));
  begin(std::move(successor));
}

bool HttpService::make_room() noexcept {
  for (session::ServerSession* session = sessions_.front(); session != nullptr;
       session = sessions_.next(*session)) {
    if (session->waiting()) {
      session->abort();
      return true;
    }
  }
  return false;
}

http::RequestSink& HttpService::on_new_stream(http::ServerStream& stream,
                                              session::ServerSession& /*session*/) noexcept {
  return *std::make_unique<HttpCall>(*this, stream).release();  // retires itself
}

void HttpService::on_session_closed(session::ServerSession& /*session*/) noexcept {
  --connections_;
}

}  // namespace pingap::admin

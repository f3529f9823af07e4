#include "proxy/frontend.h"

#include "base/log.h"
#include "net/socket.h"
#include "proxy/forwarder.h"
#include "proxy/worker.h"

namespace pingap::proxy {

Frontend::Frontend(Worker& worker, const Site& site, net::Fd socket, observe::LogBuffer* log)
    : worker_(worker), site_(site), listener_(worker.loop(), std::move(socket), *this), log_(log) {
  const net::Address address = listener_.address();
  port_ = address.port();
  address_text_ = address.to_string();
}

Frontend::~Frontend() = default;

void Frontend::on_accept(net::Fd connection, const net::Address& peer) noexcept {
  if (connections_ >= worker_.connection_limit(site_) && !make_room()) {
    return;  // every connection is busy: the new one is closed
  }
  auto transport = std::make_unique<net::SocketTransport>(std::move(connection));
  auto session = std::make_unique<session::H1ServerSession>(worker_.loop(), std::move(transport),
                                                            peer, site_.settings, *this);
  if (!session->start()) {
    return;
  }
  if (draining_) {
    session->serve_one();
  }
  ++connections_;
  worker_.on_connection_opened();
  sessions_.push_back(*session.release());  // it owns itself until it is closed
}

bool Frontend::make_room() noexcept {
  // The oldest idle one of the first few: the list is in order of age, not of idleness.
  int looked_at = 0;
  session::H1ServerSession* next = nullptr;
  for (session::H1ServerSession* session = sessions_.front(); session != nullptr && looked_at < 64;
       session = next, ++looked_at) {
    next = sessions_.next(*session);
    const uint32_t before = connections_;
    if (session->waiting()) {
      session->drain();
    }
    if (connections_ < before) {
      return true;
    }
  }
  return false;
}

http::RequestSink& Frontend::on_new_stream(http::ServerStream& stream,
                                           session::H1ServerSession& session) noexcept {
  // Retires itself. Out of memory ends the process, as it does for chunks.
  return *new Forwarder(*this, stream, session);  // NOLINT(bugprone-unhandled-exception-at-new)
}

void Frontend::on_session_closed(session::H1ServerSession& /*session*/) noexcept {
  --connections_;
  worker_.on_connection_closed();
}

void Frontend::drain() noexcept {
  draining_ = true;
  listener_.drain();
  session::H1ServerSession* next = nullptr;
  for (session::H1ServerSession* session = sessions_.front(); session != nullptr; session = next) {
    next = sessions_.next(*session);
    session->drain();
  }
}

void Frontend::abort() noexcept {
  while (session::H1ServerSession* session = sessions_.front()) {
    session->abort();
  }
}

void Frontend::on_exchange_done(const exchange::Exchange& x) noexcept {
  if (log_ == nullptr) {
    return;
  }
  const std::span<char> room = log_->prepare(exchange::AccessLogFormat::kMaxLine);
  if (room.empty()) {
    return;  // the writer is behind; it counts what is lost
  }
  log_->commit(site_.access_log->write(x, worker_.wall_time(), room));
  worker_.flush_log_later();
}

}  // namespace pingap::proxy

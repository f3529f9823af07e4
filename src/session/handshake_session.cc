#include "session/handshake_session.h"

#include <utility>

namespace pingap::session {

HandshakeSession::HandshakeSession(net::EventLoop& loop, std::unique_ptr<net::Transport> transport,
                                   const Peer& peer, const ServerSettings& settings,
                                   RequestAcceptor& acceptor) noexcept
    : ServerSession(peer),
      loop_(loop),
      transport_(std::move(transport)),
      settings_(settings),
      acceptor_(acceptor) {
}

bool HandshakeSession::start() noexcept {
  loop_.arm(timer_, settings_.header_timeout);
  return loop_.add(transport_->fd(), *this).has_value();
}

void HandshakeSession::on_io(net::IoEvents ready) noexcept {
  if (closed_ || (!ready.readable && !transport_->pending())) {
    return;  // the first event only tells that it can be written to
  }
  const net::IoResult result = transport_->handshake();
  if (result.status == net::IoStatus::would_block) {
    return;
  }
  if (result.status == net::IoStatus::progress) {
    loop_.remove(transport_->fd());  // the next session is to hear of it anew
    acceptor_.on_secured(*this, std::move(transport_));
  }
  close();
}

void HandshakeSession::close() noexcept {
  if (closed_) {
    return;
  }
  closed_ = true;
  timer_.cancel();
  transport_.reset();
  ListHook<ServerSessionTag>::unlink();
  acceptor_.on_session_closed(*this);
  loop_.retire(this);
}

}  // namespace pingap::session

#include "session/handshake_session.h"

#include <chrono>
#include <utility>

namespace pingap::session {

namespace {

// Of a turn; one step of a handshake may take longer.
constexpr auto kShare = std::chrono::milliseconds(1);

}  // namespace

void HandshakeQueue::add(HandshakeSession& session) noexcept {
  if (const ListHook<HandshakeTag>& place = session; !place.linked()) {
    waiting_.push_back(session);
  }
  loop_.resume_later(*this);
}

void HandshakeQueue::on_resume() noexcept {
  const auto until = std::chrono::steady_clock::now() + kShare;
  while (HandshakeSession* next = waiting_.front()) {
    if (std::chrono::steady_clock::now() > until) {
      loop_.resume_later(*this);
      return;
    }
    waiting_.pop_front();
    next->go_on();
  }
}

HandshakeSession::HandshakeSession(net::EventLoop& loop, HandshakeQueue& queue,
                                   std::unique_ptr<net::Transport> transport, const Peer& peer,
                                   const ServerSettings& settings,
                                   RequestAcceptor& acceptor) noexcept
    : ServerSession(peer, settings),
      loop_(loop),
      queue_(queue),
      transport_(std::move(transport)),
      acceptor_(acceptor) {
}

bool HandshakeSession::start() noexcept {
  started_ = loop_.now();
  loop_.arm(timer_, settings().header_timeout);
  return loop_.add(transport_->fd(), *this).has_value();
}

void HandshakeSession::on_io(net::IoEvents ready) noexcept {
  hangup_ = hangup_ || ready.hangup;
  heard_ = heard_ || ready.readable;
  if (!closed_ && (ready.readable || transport_->pending())) {
    queue_.add(*this);  // the first event only tells that it can be written to
  }
}

void HandshakeSession::go_on() noexcept {
  if (closed_ || transport_ == nullptr) {
    return;
  }
  net::IoResult result = transport_->handshake();
  if (result.status == net::IoStatus::would_block && hangup_) {
    result = transport_->handshake();  // up to the end, of which no event will tell again
  }
  if (result.status == net::IoStatus::would_block) {
    return;
  }
  if (result.status == net::IoStatus::progress) {
    loop_.remove(transport_->fd());  // the next session is to hear of it anew
    acceptor_.on_secured(*this, std::move(transport_));
    close();
    return;
  }
  const char* why = transport_->handshake_failure();
  fail(why == nullptr ? "failed" : why);
}

void HandshakeSession::on_timer() noexcept {
  fail("timed out");
}

void HandshakeSession::fail(std::string_view why) noexcept {
  acceptor_.on_handshake_failed(*this, why);
  close();
}

void HandshakeSession::close() noexcept {
  if (closed_) {
    return;
  }
  closed_ = true;
  timer_.cancel();
  transport_.reset();
  ListHook<HandshakeTag>::unlink();
  ListHook<ServerSessionTag>::unlink();
  acceptor_.on_session_closed(*this);
  loop_.retire(this);
}

}  // namespace pingap::session

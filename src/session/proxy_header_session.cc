#include "session/proxy_header_session.h"

#include <algorithm>

#include "http/limits.h"
#include "net/proxy_protocol.h"

namespace pingap::session {
namespace {

using net::IoStatus;

namespace limits = http::limits;

// How long a connection that was accepted while draining may take to speak.
constexpr Duration kServeOneTime = std::chrono::seconds(2);

}  // namespace

ProxyHeaderSession::ProxyHeaderSession(net::EventLoop& loop,
                                       std::unique_ptr<net::Transport> transport, const Peer& peer,
                                       const ServerSettings& settings,
                                       RequestAcceptor& acceptor) noexcept
    : ServerSession(peer, settings),
      loop_(loop),
      transport_(std::move(transport)),
      acceptor_(acceptor) {
}

bool ProxyHeaderSession::start() noexcept {
  loop_.arm(timer_, settings().header_timeout);
  return loop_.add(transport_->fd(), *this).has_value();
}

void ProxyHeaderSession::on_io(net::IoEvents ready) noexcept {
  if (transport_ != nullptr && (ready.readable || ready.hangup || ready.failed)) {
    read_header();
  }
}

// What is behind the header stays in the socket, for whoever comes next: so bytes are looked at
// before they are taken. Those of a header that is not whole are all its own.
void ProxyHeaderSession::read_header() noexcept {
  if (!header_) {
    header_ = make_chunk(limits::kProxyHeader);
  }
  for (;;) {
    char* const to = header_.data() + size_;
    const net::IoResult seen = transport_->peek({to, limits::kProxyHeader - size_});
    if (seen.status == IoStatus::would_block) {
      return;
    }
    if (seen.status != IoStatus::progress) {
      refuse(ErrorCode::bad_proxy_header);
      return;
    }
    const net::ProxyParse parsed =
        net::parse_proxy_header({header_.data(), size_ + seen.bytes}, limits::kProxyHeader);
    const bool whole = parsed.status == net::ProxyStatus::complete;
    if (parsed.status == net::ProxyStatus::failed) {
      size_ += seen.bytes;
      refuse(ErrorCode::bad_proxy_header);
      return;
    }
    if (!take(whole ? parsed.size - size_ : seen.bytes)) {
      close();  // they were there a moment ago
      return;
    }
    if (whole) {
      const net::IpPort& client = parsed.client;
      go_on(client.ip.size == 0 ? peer_ : Peer(client.ip, client.port));
      return;
    }
  }
}

// Bytes that were seen.
bool ProxyHeaderSession::take(size_t bytes) noexcept {
  const net::IoResult taken = transport_->read({header_.data() + size_, bytes});
  size_ += taken.bytes;
  return taken.bytes == bytes;
}

void ProxyHeaderSession::go_on(const Peer& client) noexcept {
  loop_.remove(transport_->fd());
  acceptor_.on_proxy_header(*this, std::move(transport_), client);
  close();
}

// A connection that has said nothing was a look whether we are there: no word about it.
void ProxyHeaderSession::refuse(ErrorCode why) noexcept {
  if (size_ > 0) {
    acceptor_.on_turned_away(*this, why);
  }
  close();
}

void ProxyHeaderSession::close() noexcept {
  if (gone_) {
    return;
  }
  gone_ = true;
  timer_.cancel();
  transport_.reset();
  ListHook<ServerSessionTag>::unlink();
  acceptor_.on_session_closed(*this);
  loop_.retire(this);
}

void ProxyHeaderSession::drain() noexcept {
  if (transport_ != nullptr && waiting()) {
    read_header();  // what was sent before the other side could know
  }
  if (transport_ != nullptr && waiting()) {
    close();
  }
}

void ProxyHeaderSession::serve_one() noexcept {
  loop_.arm(timer_, std::min(kServeOneTime, settings().header_timeout));
}

void ProxyHeaderSession::abort() noexcept {
  close();
}

void ProxyHeaderSession::on_timer() noexcept {
  refuse(ErrorCode::header_timeout);
}

}  // namespace pingap::session

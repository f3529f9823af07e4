#include "upstream/pool.h"

#include <cerrno>

#include "net/socket.h"

namespace pingap::upstream {
namespace {

// Backends rarely close a connection that was in use this recently, so a request that must not be
// sent twice is safe enough on it.
constexpr Duration kRecent = std::chrono::seconds(2);

}  // namespace

EndpointPool::EndpointPool(net::EventLoop& loop, const Endpoint& endpoint,
                           uint32_t max_idle) noexcept
    : loop_(loop), endpoint_(endpoint), max_idle_(max_idle) {
}

EndpointPool::~EndpointPool() {
  drain();
}

void EndpointPool::drain() noexcept {
  max_idle_ = 0;
  while (session::H1ClientSession* session = idle_.front()) {
    session->close();
  }
}

session::H1ClientSession* EndpointPool::take_idle(Reuse reuse) noexcept {
  session::H1ClientSession* session = reuse == Reuse::never ? nullptr : idle_.front();
  if (session == nullptr) {
    return nullptr;
  }
  if (reuse == Reuse::recent && loop_.now() - session->idle_since() > kRecent) {
    return nullptr;
  }
  --idle_count_;
  return session;
}

Result<session::H1ClientSession*> EndpointPool::connect(
    const session::ClientSettings& settings) noexcept {
  const auto& addresses = endpoint_.addresses;
  if (addresses.empty()) {
    return tl::unexpected(
        Error{ErrorCode::upstream_unresolved, Side::upstream, Retry::safe, 0, nullptr});
  }
  bool in_progress = false;
  auto fd = net::connect_to(addresses[next_address_++ % addresses.size()], in_progress);
  if (!fd) {
    Error error = fd.error();
    const bool no_descriptor = error.sys == EMFILE || error.sys == ENFILE;
    error.code = error.sys == ECONNREFUSED ? ErrorCode::upstream_refused
                 : no_descriptor           ? ErrorCode::out_of_descriptors
                                           : ErrorCode::upstream_unreachable;
    error.side = Side::upstream;
    error.retry = no_descriptor ? Retry::never : Retry::safe;
    return tl::unexpected(error);
  }
  auto transport = std::make_unique<net::SocketTransport>(std::move(*fd));
  auto session =
      std::make_unique<session::H1ClientSession>(loop_, std::move(transport), settings, *this);
  if (!session->start(in_progress)) {
    return tl::unexpected(Error{ErrorCode::io, Side::local, Retry::never, errno, "epoll_ctl"});
  }
  ++connections_;
  return session.release();  // it owns itself until it is closed
}

Result<EndpointPool::Opened> EndpointPool::open(http::ResponseSink& sink, Reuse reuse,
                                                const session::ClientSettings& settings,
                                                std::string_view opening) noexcept {
  if (session::H1ClientSession* kept = take_idle(reuse)) {
    return Opened{&kept->open(sink, settings), true};
  }
  auto fresh = connect(settings);
  if (!fresh) {
    return tl::unexpected(fresh.error());
  }
  (*fresh)->send_opening(opening);
  return Opened{&(*fresh)->open(sink, settings), false};
}

void EndpointPool::on_session_idle(session::H1ClientSession& session) noexcept {
  if (idle_count_ >= max_idle_) {
    // The oldest makes room; with no room at all it is this one.
    session::H1ClientSession* victim = idle_.back();
    (victim != nullptr ? *victim : session).close();
    if (victim == nullptr) {
      return;
    }
  }
  idle_.push_front(session);
  ++idle_count_;
}

void EndpointPool::on_session_gone(session::H1ClientSession& session) noexcept {
  --connections_;
  if (session.pooled()) {
    --idle_count_;
  }
}

}  // namespace pingap::upstream

#include "upstream/pool.h"

#include <cerrno>

#include "net/socket.h"
#include "session/h1_client_session.h"

namespace pingap::upstream {

EndpointPool::EndpointPool(net::EventLoop& loop, const Endpoint& endpoint,
                           const PoolSettings& settings) noexcept
    : loop_(loop),
      endpoint_(endpoint),
      settings_(settings),
      max_idle_(settings.max_idle),
      streams_hint_(settings.max_streams) {
}

EndpointPool::~EndpointPool() {
  drain();
  for (List* list : {&shared_, &full_}) {
    while (session::ClientSession* session = list->front()) {
      session->close();
    }
  }
}

session::H1ClientSession* EndpointPool::take_idle(Reuse reuse) noexcept {
  auto* session =
      static_cast<session::H1ClientSession*>(reuse == Reuse::never ? nullptr : idle_.front());
  if (session == nullptr) {
    return nullptr;
  }
  if (reuse == Reuse::recent && loop_.now() - session->heard_at() > kRecent) {
    return nullptr;
  }
  --idle_count_;
  return session;
}

Result<EndpointPool::Dialed> EndpointPool::dial() noexcept {
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
  return Dialed{std::make_unique<net::SocketTransport>(std::move(*fd)), in_progress};
}

Result<session::H1ClientSession*> EndpointPool::connect(
    const session::ClientSettings& settings) noexcept {
  auto dialed = dial();
  if (!dialed) {
    return tl::unexpected(dialed.error());
  }
  auto session = std::make_unique<session::H1ClientSession>(loop_, std::move(dialed->transport),
                                                            settings, *this);
  if (!session->start(dialed->in_progress)) {
    return tl::unexpected(Error{ErrorCode::io, Side::local, Retry::never, errno, "epoll_ctl"});
  }
  ++connections_;
  return session.release();  // it owns itself until it is closed
}

Result<EndpointPool::Opened> EndpointPool::open(http::ResponseSink& sink, Reuse reuse,
                                                const session::ClientSettings& settings,
                                                std::string_view opening) noexcept {
  if (shares()) {
    return open_shared(sink, reuse, settings);
  }
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

void EndpointPool::keep(session::ClientSession& session) noexcept {
  if (idle_count_ >= max_idle_) {
    // The oldest makes room; with no room at all it is this one.
    session::ClientSession* victim = idle_.back();
    (victim != nullptr ? *victim : session).close();
    if (victim == nullptr) {
      return;
    }
  }
  idle_.push_front(session);
  ++idle_count_;
}

void EndpointPool::on_session_free(session::ClientSession& session) noexcept {
  if (shares()) {
    share(*shared(&session));
    return;
  }
  keep(session);
}

void EndpointPool::on_session_gone(session::ClientSession& session) noexcept {
  --connections_;
  if (!shares() && session.pooled()) {
    --idle_count_;
  }
}

}  // namespace pingap::upstream

#include "upstream/pool.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "net/socket.h"
#include "session/h1_client_session.h"
#include "session/h2_client_session.h"
#include "tls/transport.h"

namespace pingap::upstream {
namespace {

// What TLS needs cannot be used: then there is no connection, never one in the clear.
constexpr Error kNoFiles{ErrorCode::upstream_tls_files, Side::local, Retry::never, 0, nullptr};

}  // namespace

EndpointPool::EndpointPool(net::EventLoop& loop, std::shared_ptr<const Endpoint> endpoint,
                           std::shared_ptr<const PoolSettings> settings,
                           ServerCounts& counts) noexcept
    : loop_(loop),
      endpoint_(std::move(endpoint)),
      settings_(std::move(settings)),
      counts_(counts),
      files_version_(settings_->tls == nullptr ? 0 : settings_->tls->version()),
      speaks_h2_(settings_->protocol != Protocol::http1),
      max_idle_(settings_->max_idle),
      streams_hint_(settings_->max_streams) {
}

EndpointPool::~EndpointPool() {
  drain();
  for (List* list : {&shared_, &full_, &lingering_}) {
    while (session::ClientSession* session = list->front()) {
      close(*session, Closed::drained);
    }
  }
}

void EndpointPool::close(session::ClientSession& session, Closed why) noexcept {
  closing_ = why;
  session.close();
  closing_.reset();
}

void EndpointPool::adopt(std::shared_ptr<const PoolSettings> settings) noexcept {
  const auto before = std::exchange(settings_, std::move(settings));  // sessions still go by it
  max_idle_ = settings_->max_idle;
  for (List* list : {&idle_, &lingering_}) {
    for (session::ClientSession* at = list->front(); at != nullptr; at = list->next(*at)) {
      static_cast<session::H1ClientSession&>(*at).set_settings(settings_->session);
    }
  }
  while (idle_count_ > max_idle_) {
    close(*idle_.back(), Closed::surplus);
  }
}

void EndpointPool::follow_files() noexcept {
  if (settings_->tls == nullptr || settings_->tls->version() == files_version_) {
    return;
  }
  files_version_ = settings_->tls->version();
  leave(Closed::worn);
}

void EndpointPool::note_unused(session::ClientSession& session, bool is) noexcept {
  if (session.unused() != is) {
    session.set_unused(is);
    counts_.add_idle(is);
  }
}

// ---- making connections

std::string EndpointPool::name_for(std::string_view host) const {
  if (settings_->sni_is_host) {
    return std::string(host);
  }
  return settings_->sni.empty() ? endpoint_->host : settings_->sni;
}

Result<std::unique_ptr<net::Transport>> EndpointPool::secure(net::Fd fd, const std::string& name,
                                                             const Asked& asked) noexcept {
  const auto context = settings_->tls->get();
  if (context == nullptr) {
    return tl::unexpected(kNoFiles);
  }
  const std::string& expected = settings_->verify_name.empty() ? name : settings_->verify_name;
  auto ssl = context->connect(endpoint_->name, name, expected,
                              asked.http1 ? tls::Offer::http1 : tls::Offer::all);
  if (ssl == nullptr) {
    return tl::unexpected(Error{ErrorCode::upstream_tls, Side::upstream, Retry::safe, 0,
                                "no name to check the certificate for"});
  }
  auto made = std::make_unique<tls::Transport>(std::move(fd), std::move(ssl), context);
  made->send_clear(asked.opening);
  return made;
}

Result<EndpointPool::Dialed> EndpointPool::dial(const std::string& name,
                                                const Asked& asked) noexcept {
  if (settings_->tls != nullptr && !settings_->tls->ready()) {
    return tl::unexpected(kNoFiles);  // nobody is bothered
  }
  if (!endpoint_->address) {
    return tl::unexpected(
        Error{ErrorCode::upstream_unresolved, Side::upstream, Retry::safe, 0, nullptr});
  }
  bool in_progress = false;
  auto fd = net::connect_to(*endpoint_->address, in_progress);
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
  if (settings_->tls == nullptr) {
    return Dialed{std::make_unique<net::SocketTransport>(std::move(*fd)), in_progress,
                  files_version_};
  }
  auto secured = secure(std::move(*fd), name, asked);
  if (!secured) {
    return tl::unexpected(secured.error());
  }
  return Dialed{std::move(*secured), true, files_version_};  // the handshake is to come
}

Result<EndpointPool::Opened> EndpointPool::open(http::ResponseSink& sink, Reuse reuse,
                                                const session::ClientSettings& settings,
                                                const Asked& asked) noexcept {
  follow_files();
  session::ClientSession* session = nullptr;
  const bool h2 = speaks_h2_ && !asked.http1;
  if (h2) {
    session = find_shared(reuse, asked.host);
  } else {
    session = take_idle(reuse, asked.host);
  }
  if (session != nullptr) {
    const bool reused = session->reused();
    note_unused(*session, false);
    counts_.add(ServerCounts::reused);
    return Opened{&session->open(sink, settings), reused};
  }
  client_settings_ = settings;
  std::string name = settings_->tls != nullptr ? name_for(asked.host) : std::string();
  auto dialed = dial(name, asked);
  if (!dialed) {
    return tl::unexpected(dialed.error());
  }
  const bool connecting = dialed->in_progress;
  if (h2) {
    session = add_shared(std::move(*dialed), std::move(name));
  } else if (auto* made = add_exclusive(std::move(*dialed), std::move(name)); made != nullptr) {
    if (settings_->tls == nullptr) {
      made->send_opening(asked.opening);
    }
    session = made;
  }
  if (session == nullptr) {
    return tl::unexpected(Error{ErrorCode::io, Side::local, Retry::never, errno, "epoll_ctl"});
  }
  return Opened{&session->open(sink, settings), false, connecting};
}

bool EndpointPool::on_other_protocol(session::ClientSession& session,
                                     std::unique_ptr<net::Transport>& transport) noexcept {
  if (settings_->protocol != Protocol::either) {
    return false;
  }
  loop_.remove(transport->fd());
  Dialed stands{std::move(transport), false, session.files_version(), true};
  speaks_h2_ = session.kind() == session::ClientSession::Kind::exclusive;
  if (speaks_h2_) {
    if (add_shared(std::move(stands), session.server_name()) == nullptr) {
      return false;
    }
  } else {
    session::H1ClientSession* made = add_exclusive(std::move(stands), session.server_name());
    if (made == nullptr) {
      return false;
    }
    keep(*made);
  }
  replaced_ = &session;
  return true;
}

// ---- HTTP/1

bool EndpointPool::worn(const session::ClientSession& session) const noexcept {
  return session.files_version() != files_version_ ||
         (settings_->max_requests > 0 && session.served() >= settings_->max_requests) ||
         (settings_->max_age > Duration::zero() &&
          loop_.now() - session.made_at() >= settings_->max_age);
}

bool EndpointPool::knows_idle_limit() const noexcept {
  return idle_limit_ > Duration::zero() && loop_.now() - idle_limit_at_ <= kIdleLimitAge;
}

// The shortest time that it has shown lately.
void EndpointPool::learn_idle_limit(Duration idle) noexcept {
  if (idle < kLeastIdleLimit) {
    return;
  }
  const Duration limit = idle - std::max<Duration>(idle / kIdleMarginPart, kLeastIdleLimit / 2);
  if (!knows_idle_limit() || limit < idle_limit_) {
    idle_limit_ = limit;
    idle_limit_at_ = loop_.now();
  }
}

session::H1ClientSession* EndpointPool::take_idle(Reuse reuse, std::string_view host) noexcept {
  // The one in front was used last: where that is too old, all are.
  while (knows_idle_limit() && !idle_.empty() &&
         loop_.now() - idle_.front()->heard_at() > idle_limit_) {
    close(*idle_.front(), Closed::idle);
  }
  session::ClientSession* session = reuse == Reuse::never ? nullptr : idle_.front();
  while (session != nullptr && !fits(*session, host)) {
    session = idle_.next(*session);
  }
  if (session == nullptr) {
    return nullptr;
  }
  if (reuse == Reuse::recent && loop_.now() - session->heard_at() > kRecent) {
    return nullptr;
  }
  --idle_count_;
  return static_cast<session::H1ClientSession*>(session);
}

session::H1ClientSession* EndpointPool::add_exclusive(Dialed dialed, std::string name) noexcept {
  auto session = std::make_unique<session::H1ClientSession>(loop_, std::move(dialed.transport),
                                                            client_settings_, *this);
  if (!session->start(dialed.in_progress)) {
    return nullptr;
  }
  session->set_server_name(std::move(name));
  session->set_made_at(loop_.now());
  session->set_files_version(dialed.files_version);
  ++connections_;
  if (!dialed.known) {
    counts_.add(ServerCounts::opened);
  }
  return session.release();  // it owns itself until it is closed
}

void EndpointPool::tend() noexcept {
  follow_files();
  const uint32_t wanted = std::min(settings_->min_idle, max_idle_);
  if (settings_->sni_is_host) {
    return;  // for which name is not known
  }
  client_settings_ = settings_->session;
  for (uint32_t i = 0; i < kWarmAtOnce; ++i) {
    // One of HTTP/2 has room while it is in use.
    if ((speaks_h2_ ? count_staying() : idle_count_) >= wanted) {
      return;
    }
    std::string name = settings_->tls != nullptr ? name_for({}) : std::string();
    auto dialed = dial(name, {});
    if (!dialed) {
      return;
    }
    if (speaks_h2_) {
      auto* made = add_shared(std::move(*dialed), std::move(name));
      if (made == nullptr) {
        return;
      }
      note_unused(*made, true);
    } else if (auto* made = add_exclusive(std::move(*dialed), std::move(name)); made != nullptr) {
      keep(*made);
    }
  }
}

void EndpointPool::keep(session::ClientSession& session) noexcept {
  // Those of its last request may go.
  static_cast<session::H1ClientSession&>(session).set_settings(settings_->session);
  if (worn(session)) {
    close(session, Closed::worn);
    return;
  }
  if (idle_count_ >= max_idle_) {
    // The oldest makes room; with no room at all it is this one.
    session::ClientSession* victim = idle_.back();
    close(victim != nullptr ? *victim : session, Closed::surplus);
    if (victim == nullptr) {
      return;
    }
  }
  idle_.push_front(session);
  ++idle_count_;
  note_unused(session, true);
}

void EndpointPool::on_session_free(session::ClientSession& session) noexcept {
  if (session.kind() == session::ClientSession::Kind::shared) {
    share(*shared(&session));
    return;
  }
  keep(session);
}

void EndpointPool::on_session_lingers(session::ClientSession& session) noexcept {
  static_cast<session::H1ClientSession&>(session).set_settings(settings_->session);
  lingering_.push_back(session);
}

void EndpointPool::on_session_gone(session::ClientSession& session) noexcept {
  --connections_;
  note_unused(session, false);
  const bool unused = session.pooled();
  if (replaced_ == &session) {
    replaced_ = nullptr;
  } else {
    counts_.add(closing_.value_or(session.left_by_peer() ? Closed::by_peer
                                  : unused               ? Closed::idle
                                                         : Closed::broken));
  }
  if (session.kind() == session::ClientSession::Kind::exclusive && unused) {
    --idle_count_;
    if (session.left_by_peer()) {
      learn_idle_limit(loop_.now() - session.heard_at());
    }
  }
}

}  // namespace pingap::upstream

#include "proxy/frontend.h"

#include <algorithm>
#include <array>

#include "base/hash.h"
#include "base/log.h"
#include "http/status.h"
#include "net/socket.h"
#include "proxy/forwarder.h"
#include "proxy/listening.h"
#include "proxy/request_metrics.h"
#include "proxy/spill.h"
#include "proxy/worker.h"
#include "session/h1_server_session.h"
#include "session/h2_server_session.h"
#include "session/handshake_session.h"
#include "session/proxy_header_session.h"
#include "tls/transport.h"

namespace pingap::proxy {

namespace {

std::string admission_of(const Site& site) {
  if (site.tls == nullptr) {
    return {};
  }
  const auto context = site.tls->get();
  return context == nullptr ? "nobody: its certificates cannot be used" : context->admission();
}

}  // namespace

Frontend::Frontend(Worker& worker, Listening& all, const Site& site, std::vector<net::Fd> sockets)
    : worker_(worker),
      all_(all),
      site_(&site),
      address_text_(net::local_address(sockets.front().get()).to_string()),
      port_(net::local_address(sockets.front().get()).port()),
      admission_(admission_of(site)),
      asked_by_http_("http", port_),
      asked_by_https_("https", port_),
      limit_(worker.connection_limit(site)) {
  for (net::Fd& socket : sockets) {
    listeners_.push_back(std::make_unique<net::Listener>(worker.loop(), std::move(socket), *this));
  }
}

Frontend::~Frontend() = default;

Result<> Frontend::start() noexcept {
  for (const auto& listener : listeners_) {
    if (auto started = listener->start(); !started) {
      return started;
    }
  }
  serves_.store(true);
  return {};
}

std::vector<int> Frontend::sockets() const {
  std::vector<int> all;
  all.reserve(listeners_.size());
  for (const auto& listener : listeners_) {
    all.push_back(listener->fd());
  }
  return all;
}

void Frontend::on_accept(net::Fd connection, const net::Address& peer) noexcept {
  if ((worker_.may_be_crowded() || !has_room()) && pass_on(connection, peer)) {
    return;
  }
  while (!add_below(connections_, limit_.load(std::memory_order_relaxed))) {
    if (!make_room()) {
      return;  // every connection is busy, and no other worker has room: the new one is closed
    }
  }
  worker_.on_connection_opened();
  serve(std::move(connection), peer);
}

bool Frontend::pass_on(net::Fd& connection, const net::Address& peer) noexcept {
  Frontend* host = worker_.choose_host(all_);
  while (host != nullptr && host != this && !host->reserve()) {
    host = worker_.choose_host(all_);  // its last place has just been taken, or it stops
  }
  if (host == nullptr || host == this) {
    return false;
  }
  // Shared, since a std::function is copyable: the descriptor is closed with the message if that
  // is never run.
  auto handed = std::make_shared<net::Fd>(std::move(connection));
  host->worker_.loop().post([host, all = all_.shared_from_this(), handed, peer] {
    host->adopt(std::move(*handed), peer);
  });
  return true;
}

bool Frontend::reserve() noexcept {
  if (!worker_.reserve()) {
    return false;
  }
  if (!add_below(connections_, limit_.load(std::memory_order_relaxed))) {
    worker_.on_connection_closed();
    return false;
  }
  // Counted first: one that is counted is waited for, or it is seen that nobody waits any more.
  if (!serves_.load()) {
    connections_.fetch_sub(1);
    worker_.on_connection_closed();
    return false;
  }
  return true;
}

void Frontend::adopt(net::Fd connection, const net::Address& peer) noexcept {
  if (phase_ == Phase::closed) {
    uncount();  // aborted in between: it is closed like all others
    return;
  }
  serve(std::move(connection), peer);
}

void Frontend::serve(net::Fd connection, const net::Address& peer) noexcept {
  if (site_->counts != nullptr) {
    site_->counts->cells[worker_.index()].connections.add();
  }
  const session::Peer from(peer);
  if (!site_->proxies.lists(from.ip())) {
    listen_to(std::move(connection), from);
    return;
  }
  auto transport = std::make_unique<net::SocketTransport>(std::move(connection));
  begin(std::make_unique<session::ProxyHeaderSession>(worker_.loop(), std::move(transport), from,
                                                      site_->settings, *this));
}

// The client itself: TLS first, or HTTP at once.
void Frontend::listen_to(net::Fd connection, const session::Peer& from) noexcept {
  if (site_->tls != nullptr) {
    auto context = site_->tls->get();
    auto ssl = context == nullptr ? nullptr : context->accept();
    if (ssl == nullptr) {
      uncount();  // its certificate cannot be used, or out of memory
      return;
    }
    auto transport =
        std::make_unique<tls::Transport>(std::move(connection), std::move(ssl), std::move(context));
    begin(std::make_unique<session::HandshakeSession>(
        worker_.loop(), worker_.handshakes(), std::move(transport), from, site_->settings, *this));
    return;
  }
  auto transport = std::make_unique<net::SocketTransport>(std::move(connection));
  begin(std::make_unique<session::H1ServerSession>(worker_.loop(), std::move(transport), from,
                                                   site_->settings, *this));
}

// Starts a session that is counted.
template <class Session>
void Frontend::begin(std::unique_ptr<Session> session) noexcept {
  if (!session->start()) {
    uncount();
    return;
  }
  if (phase_ == Phase::draining) {
    session->serve_one();
  }
  identify(*session);
  worker_.trim_memory_later();
  sessions_.push_back(*session.release());  // it owns itself until it is closed
}

observe::Count& Frontend::count_of(const session::ServerSession& session) noexcept {
  return speaks_[static_cast<size_t>(session.speaks())];
}

void Frontend::add_speaks_to(SpeaksCounts& sum) const noexcept {
  for (size_t i = 0; i < sum.size(); ++i) {
    sum[i] += speaks_[i].get();
  }
}

// Numbers of other workers differ in their last digits.
void Frontend::identify(session::ServerSession& session) noexcept {
  constexpr uint64_t kMostWorkers = 1024;  // of `threads`
  count_of(session).add();
  session.identify(++numbered_ * kMostWorkers + worker_.index(), worker_.loop().now());
}

void Frontend::on_secured(session::ServerSession& session,
                          std::unique_ptr<net::Transport> transport) noexcept {
  recount();
  auto agreed = transport->take_secured();
  worker_.counters().count_handshake(agreed->resumed);
  if (site_->counts != nullptr) {
    const auto& handshake = static_cast<session::HandshakeSession&>(session);  // of listen_to()
    site_->counts->cells[worker_.index()].add_handshake(agreed->version, agreed->resumed,
                                                        handshake.age());
  }
  const bool h2 = agreed->h2;
  const auto follow = [&](auto successor) {
    successor->set_secured(std::move(agreed));
    begin(std::move(successor));
  };
  if (h2) {
    follow(std::make_unique<session::H2ServerSession>(worker_.loop(), std::move(transport),
                                                      session.peer(), site_->settings, *this));
  } else {
    follow(std::make_unique<session::H1ServerSession>(worker_.loop(), std::move(transport),
                                                      session.peer(), site_->settings, *this));
  }
}

void Frontend::on_handshake_failed(session::ServerSession& session, std::string_view why) noexcept {
  worker_.counters().count_failed_handshake();
  if (site_->counts != nullptr) {
    site_->counts->cells[worker_.index()].failed_handshakes.add();
  }
  PINGAP_LOG(debug, "TLS handshake of {} with [servers.{}]: {}", session.peer().text(), site_->name,
             why);
}

// For a session that takes another one's place: that is uncounted when it ends.
void Frontend::recount() noexcept {
  connections_.fetch_add(1, std::memory_order_relaxed);
  worker_.on_connection_opened();
}

bool Frontend::make_room() noexcept {
  // The oldest idle one of the first few: the list is in order of age, not of idleness.
  int looked_at = 0;
  session::ServerSession* next = nullptr;
  for (session::ServerSession* session = sessions_.front(); session != nullptr && looked_at < 64;
       session = next, ++looked_at) {
    next = sessions_.next(*session);
    const ListHook<session::ServerSessionTag>& place = *session;
    if (session->waiting()) {
      session->drain();
      if (place.linked() && session->waiting()) {
        session->abort();  // HTTP/2 would wait for what may be on its way
      }
    }
    if (!place.linked()) {
      return true;  // closed
    }
  }
  return false;
}

void Frontend::uncount() noexcept {
  connections_.fetch_sub(1, std::memory_order_relaxed);
  worker_.on_connection_closed();
}

http::RequestSink& Frontend::on_new_stream(http::ServerStream& stream,
                                           session::ServerSession& session) noexcept {
  // Retires itself. Out of memory ends the process, as it does for chunks.
  return *new Forwarder(*this, stream, session);  // NOLINT(bugprone-unhandled-exception-at-new)
}

bool Frontend::on_h2_preface(session::ServerSession& session,
                             std::unique_ptr<net::Transport>& transport,
                             std::string_view bytes) noexcept {
  if (session.secured() != nullptr) {
    return false;  // over TLS it is agreed on by ALPN (RFC 9113 3.2)
  }
  auto successor = std::make_unique<session::H2ServerSession>(
      worker_.loop(), std::move(transport), session.peer(), site_->settings, *this);
  if (!successor->start()) {
    return true;  // out of memory or descriptors: both end
  }
  recount();
  identify(*successor);
  if (phase_ == Phase::draining) {
    successor->serve_one();
  }
  sessions_.push_back(*successor);
  successor.release()->take_input(bytes);  // it owns itself until it is closed
  return true;
}

void Frontend::on_proxy_header(session::ServerSession& /*session*/,
                               std::unique_ptr<net::Transport> transport,
                               const session::Peer& client) noexcept {
  recount();
  listen_to(static_cast<net::SocketTransport&>(*transport).take_fd(), client);  // of serve()
}

void Frontend::on_turned_away(session::ServerSession& session, ErrorCode why) noexcept {
  std::array<char, 256> room;
  exchange::Exchange x{room};
  introduce(x, session);
  x.reason = why;
  x.reason_side = Side::downstream;
  x.status = http::status_for(why);
  x.request.method = http::Method::other;
  x.finished = x.started;
  count_begun(*site_, worker_);
  if (RequestWatch* watch = worker_.watched(); watch != nullptr && watch->wants(x)) {
    watch->note(x, {}, worker_.wall_time());
  }
  on_exchange_done(x, *site_, nullptr);
}

// The session outlives what was asked on it: its texts are not copied.
void Frontend::introduce(exchange::Exchange& x, session::ServerSession& session) noexcept {
  x.started = worker_.loop().now();
  x.asked_lines = asked_by_http_.fields();
  if (const net::Secured* secured = session.secured()) {
    x.asked_lines = asked_by_https_.fields();
    x.scheme = "https";
    x.tls_version = secured->version;
    x.tls_cipher = secured->cipher;
    x.tls_server_name = secured->server_name;
    x.tls_client_subject = secured->client_subject;
    x.tls_client_fingerprint = secured->client_fingerprint;
  }
  x.peer_ip = session.peer().ip();
  x.peer_port = session.peer().port();
  x.peer_text = session.peer().text();
  x.client_ip = x.peer_ip;
  x.client_text = x.peer_text;
  x.connection = session.number();
  x.connection_requests = session.count_request();
  x.connected = session.begun();
  x.server = site_->name;
  x.redacted = site_->redacted;
  x.server_addr = address_text_;
  x.server_port = port_;
}

void Frontend::on_session_closed(session::ServerSession& session) noexcept {
  if (site_->counts != nullptr && session.glitches() > 0) {
    site_->counts->cells[worker_.index()].glitches.add(session.glitches());
  }
  count_of(session).subtract();
  uncount();
}

void Frontend::adopt(const Site& site, std::vector<observe::LogBuffer*> logs) noexcept {
  site_ = &site;
  logs_ = std::move(logs);
  limit_.store(worker_.connection_limit(site), std::memory_order_relaxed);
  for (session::ServerSession* one = sessions_.front(); one != nullptr;
       one = sessions_.next(*one)) {
    one->set_settings(site.settings);
  }
  if (std::string admission = admission_of(site); admission != admission_) {
    admission_ = std::move(admission);
    if (!admission_.empty()) {
      readmit();
    }
  }
}

// Who was let in by other rules comes again, and shows what is asked for now. So does who is just
// being let in.
void Frontend::readmit() noexcept {
  session::ServerSession* next = nullptr;
  for (session::ServerSession* session = sessions_.front(); session != nullptr; session = next) {
    next = sessions_.next(*session);
    if (session->speaks() == session::Speaks::tls_handshake) {
      session->abort();
    } else {
      session->drain();
    }
  }
}

void Frontend::leave(std::shared_ptr<const Snapshot> last) noexcept {
  last_ = std::move(last);
  drain();
}

void Frontend::drain() noexcept {
  phase_ = Phase::draining;
  serves_.store(false);
  for (const auto& listener : listeners_) {
    listener->drain();
  }
  drain_sessions(&session::ServerSession::drain);
}

void Frontend::hand_over() noexcept {
  phase_ = Phase::draining;
  serves_.store(false);
  for (const auto& listener : listeners_) {
    listener->release();
  }
  drain_sessions(&session::ServerSession::drain_gently);
}

void Frontend::drain_sessions(void (session::ServerSession::*how)() noexcept) noexcept {
  session::ServerSession* next = nullptr;
  for (session::ServerSession* session = sessions_.front(); session != nullptr; session = next) {
    next = sessions_.next(*session);
    (session->*how)();
  }
}

void Frontend::abort() noexcept {
  phase_ = Phase::closed;
  serves_.store(false);
  for (const auto& listener : listeners_) {
    listener->close();
  }
  while (session::ServerSession* session = sessions_.front()) {
    session->abort();
  }
}

void Frontend::on_exchange_done(const exchange::Exchange& x, const Site& site,
                                const Route* route) noexcept {
  worker_.counters().count_answer(x.status);
  if (x.reason != ErrorCode::none) {
    worker_.counters().count_error(x.reason);
    PINGAP_LOG_OF(x.request_id, debug, "request of {} to [servers.{}]: {}, {} tries", x.client_text,
                  site.name, to_string(x.reason), x.attempts);
  }
  if (site.counts != nullptr) {
    count_request(x, site, route, worker_);
  }
  const RequestLog* const where = log_of(site, route);
  if (where != nullptr) {
    log(x, *where);
  }
}

// In the list of the site that is in use now: the exchange may have begun with one before.
const RequestLog* Frontend::log_of(const Site& site, const Route* route) const noexcept {
  if (&site == site_) [[likely]] {
    return route != nullptr ? route->log : site.log;
  }
  if (route != nullptr) {
    for (const auto& one : site_->routes) {
      if (one->name == route->name) {
        return one->log;
      }
    }
  }
  return site_->log;
}

void Frontend::log(const exchange::Exchange& x, const RequestLog& log) noexcept {
  if (log.filter.on) {
    chance_ = mix64(chance_ + 0x9e3779b97f4a7c15);
    if (!log.filter.keeps(x, chance_)) {
      return;
    }
  }
  observe::LogBuffer& buffer = *logs_[log.index];
  const std::span<char> room = buffer.prepare(exchange::AccessLogFormat::kMaxLine);
  if (room.empty()) {
    return;  // the writer is behind; it counts what is lost
  }
  buffer.commit(log.format.write(x, worker_.wall_time(), room));
  worker_.flush_log_later();
}

bool Frontend::writes_to(const observe::LogBuffer* log) const noexcept {
  return std::ranges::find(logs_, log) != logs_.end();
}

}  // namespace pingap::proxy

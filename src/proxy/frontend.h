// One listening address of a site on one worker: accepts connections and gives each request a
// Forwarder. Worker, but for what is marked.
//
// A connection is served by the worker that accepted it, or, when that one has too many (spill.h),
// by the Frontend of the same address on another worker:
//
//   on_accept -> pass_on -> host: reserve (counted there from now on) -> message -> host: adopt
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "net/listener.h"
#include "observe/count.h"
#include "observe/log_sink.h"
#include "proxy/asked_lines.h"
#include "proxy/snapshot.h"
#include "session/server_session.h"
#include "session/session.h"

namespace pingap::proxy {

class Worker;
struct Listening;

class Frontend final : public net::AcceptHandler, public session::RequestAcceptor {
 public:
  // Control thread. `all` are those of the same address, of which it is one; they stay together.
  // `sockets` are one or more of that address.
  Frontend(Worker& worker, Listening& all, const Site& site, std::vector<net::Fd> sockets);
  virtual ~Frontend();

  Result<> start() noexcept;

  // Goes by this site from now on, with all its connections, and writes its access log there.
  // `logs`: as those of the site.
  void adopt(const Site& site, std::vector<observe::LogBuffer*> logs) noexcept;
  // As drain(), for an address that is not listened on any more: it goes on by `last`.
  void leave(std::shared_ptr<const Snapshot> last) noexcept;

  // It has left, and nothing of it was under way when this was asked before.
  bool forgotten() noexcept {
    return std::exchange(quiet_, phase_ != Phase::open && connections() == 0) && quiet_;
  }

  // Takes no new connections, closes idle ones, lets the others finish.
  void drain() noexcept;
  // As drain(), but another process takes the connections that come to the same sockets.
  void hand_over() noexcept;
  // Closes everything. The object stays: other workers may look at it.
  void abort() noexcept;

  Worker& worker() noexcept { return worker_; }

  const Site& site() const noexcept { return *site_; }

  std::string_view address_text() const noexcept { return address_text_; }

  uint16_t port() const noexcept { return port_; }

  // Control thread, while it is listening.
  std::vector<int> sockets() const;

  // Whether lines of its requests go there.
  bool writes_to(const observe::LogBuffer* log) const noexcept;

  // Any thread:
  uint32_t connections() const noexcept { return connections_.load(std::memory_order_relaxed); }

  // Connections by what they speak.
  using SpeaksCounts = std::array<uint64_t, static_cast<size_t>(session::Speaks::count_)>;
  void add_speaks_to(SpeaksCounts& sum) const noexcept;

  bool has_room() const noexcept {
    return serves_.load(std::memory_order_relaxed) &&
           connections() < limit_.load(std::memory_order_relaxed);
  }

  // Counts a connection that another worker is about to hand over, so that the next one sees it.
  // False: no room (any more), or the worker is stopping.
  bool reserve() noexcept;

  // The request is over: counts and logs it. `site` and `route` (null: none took it) are those that
  // it went by.
  void on_exchange_done(const exchange::Exchange& x, const Site& site, const Route* route) noexcept;

  // net::AcceptHandler
  void on_accept(net::Fd connection, const net::Address& peer) noexcept override;
  // session::RequestAcceptor
  http::RequestSink& on_new_stream(http::ServerStream& stream,
                                   session::ServerSession& session) noexcept override;
  bool on_h2_preface(session::ServerSession& session, std::unique_ptr<net::Transport>& transport,
                     std::string_view bytes) noexcept override;
  void on_proxy_header(session::ServerSession& session, std::unique_ptr<net::Transport> transport,
                       const session::Peer& client) noexcept override;
  void on_turned_away(session::ServerSession& session, ErrorCode why) noexcept override;
  void on_secured(session::ServerSession& session,
                  std::unique_ptr<net::Transport> transport) noexcept override;
  void on_handshake_failed(session::ServerSession& session, std::string_view why) noexcept override;
  void on_session_closed(session::ServerSession& session) noexcept override;

  // What is known of a request as soon as its connection is.
  void introduce(exchange::Exchange& x, session::ServerSession& session) noexcept;

 private:
  enum class Phase : uint8_t { open, draining, closed };

  bool pass_on(net::Fd& connection, const net::Address& peer) noexcept;
  void readmit() noexcept;
  void drain_sessions(void (session::ServerSession::*how)() noexcept) noexcept;
  void adopt(net::Fd connection, const net::Address& peer) noexcept;
  void serve(net::Fd connection, const net::Address& peer) noexcept;
  void listen_to(net::Fd connection, const session::Peer& from) noexcept;
  template <class Session>
  void begin(std::unique_ptr<Session> session) noexcept;
  const RequestLog* log_of(const Site& site, const Route* route) const noexcept;
  void log(const exchange::Exchange& x, const RequestLog& log) noexcept;
  void recount() noexcept;
  void identify(session::ServerSession& session) noexcept;
  observe::Count& count_of(const session::ServerSession& session) noexcept;
  bool make_room() noexcept;
  void uncount() noexcept;

  Worker& worker_;
  Listening& all_;
  const Site* site_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  std::vector<observe::LogBuffer*> logs_;  // as those of the site
  uint64_t chance_ = 0;                    // a random number, another one for each line
  uint64_t numbered_ = 0;                  // connections that have a number
  std::shared_ptr<const Snapshot> last_;   // it has left with this one
  const std::string address_text_;
  const uint16_t port_;
  std::string admission_;  // what clients of site_ have to show; empty = nothing, not even TLS
  const AskedLines asked_by_http_;
  const AskedLines asked_by_https_;
  Phase phase_ = Phase::open;
  bool quiet_ = false;
  // Between its worker's start() and the end: only then others may give it connections. Our worker
  // writes.
  std::atomic<bool> serves_{false};
  std::atomic<uint32_t> limit_;           // of connections; our worker writes
  std::atomic<uint32_t> connections_{0};  // our worker writes, others by reserve()
  std::array<observe::Count, static_cast<size_t>(session::Speaks::count_)> speaks_;  // our worker
  IntrusiveList<session::ServerSession, session::ServerSessionTag> sessions_;        // oldest first
};

}  // namespace pingap::proxy

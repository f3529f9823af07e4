// The connections of one worker to one endpoint. Worker.
// HTTP/1: idle ones are kept and the one used last is taken first, so that a surplus ages out.
// HTTP/2: requests share the connection that had room last; another is made where none has any.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "net/event_loop.h"
#include "net/transport.h"
#include "session/client_session.h"
#include "session/session.h"
#include "tls/client_context.h"
#include "tls/live.h"
#include "upstream/endpoint.h"

namespace pingap::session {
class H1ClientSession;
class H2ClientSession;
}  // namespace pingap::session

namespace pingap::upstream {

// Which kept connections may serve a request (security.md 2B).
enum class Reuse : uint8_t {
  never,   // after a stale one: a fresh connection
  recent,  // used within the last seconds: for requests that must not be sent twice
  any,
};

enum class Protocol : uint8_t {
  http1,
  h2,
  either,  // what TLS agrees on
};

// What the pools of an upstream are told.
struct PoolSettings {
  Protocol protocol = Protocol::http1;
  std::shared_ptr<const tls::LiveClient> tls;  // null = in the clear
  std::string sni;                             // empty: the endpoint's own name
  std::string verify_name;          // that the certificate must have; empty: the one of SNI
  bool sni_is_host = false;         // the name is that of the request, given with it
  uint32_t max_idle = 0;            // connections kept; per endpoint and worker
  uint32_t max_streams = 0;         // requests at once on a connection, where it can have several
  uint32_t max_requests = 0;        // in the life of a connection; 0 = no limit
  Duration max_age{};               // of a connection that is to be used again; 0 = no limit
  uint32_t min_idle = 0;            // made in advance; of HTTP/2 in all; per endpoint and worker
  session::ClientSettings session;  // of those

  // What was connected as one says is as good where the other one holds.
  bool connects_like(const PoolSettings& other) const noexcept {
    return protocol == other.protocol && tls == other.tls && sni == other.sni &&
           verify_name == other.verify_name && sni_is_host == other.sni_is_host &&
           max_streams == other.max_streams && (max_idle == 0) == (other.max_idle == 0);
  }
};

class EndpointPool final : public session::ClientSessionOwner {
 public:
  // `counts` are those of this worker, and outlive the pool.
  EndpointPool(net::EventLoop& loop, std::shared_ptr<const Endpoint> endpoint,
               std::shared_ptr<const PoolSettings> settings, ServerCounts& counts) noexcept;

  // `settings` outlive the pool, too.
  EndpointPool(net::EventLoop& loop, std::shared_ptr<const Endpoint> endpoint,
               const PoolSettings& settings, ServerCounts& counts) noexcept
      : EndpointPool(loop, std::move(endpoint),
                     std::shared_ptr<const PoolSettings>(std::shared_ptr<void>(), &settings),
                     counts) {}

  EndpointPool(const EndpointPool&) = delete;
  EndpointPool& operator=(const EndpointPool&) = delete;
  ~EndpointPool();

  struct Opened {
    http::ClientStream* stream;
    bool reused;
    bool connecting = false;  // made for this, and does not stand yet
  };

  // What a connection depends on beside the endpoint, for the call.
  struct Asked {
    std::string_view host;  // of the request, where TLS is made for that
    // Sent first on a new connection, before TLS. One that needs it is never kept (`max_idle` is
    // 0).
    std::string_view opening;
    bool http1 = false;  // also where HTTP/2 would be agreed on: for a tunnel
  };

  // A stream on a kept or new connection. An error here means that not even a socket could be
  // had; a connection that fails later says so to the sink.
  Result<Opened> open(http::ResponseSink& sink, Reuse reuse,
                      const session::ClientSettings& settings, const Asked& asked) noexcept;

  // Others that hold from now on, but connect_like() those of before.
  void adopt(std::shared_ptr<const PoolSettings> settings) noexcept;

  // Makes connections in advance, where there are fewer unused ones than there should be. A few at
  // a time: a server that has just begun is not flooded.
  void tend() noexcept;

  // Closes what is idle, and what is shared when its last request has ended; keeps nothing from
  // now on.
  void drain() noexcept;

  const Endpoint& endpoint() const noexcept { return *endpoint_; }

  ServerCounts& counts() noexcept { return counts_; }

  // Somebody holds on to the pool and its endpoint, which may have left their upstream.
  void pin() noexcept { ++pins_; }

  void unpin() noexcept { --pins_; }

  // Nobody would miss it.
  bool unused() const noexcept { return pins_ == 0 && connections_ == 0; }

  // Of HTTP/1.
  uint32_t idle() const noexcept { return idle_count_; }

  uint32_t connections() const noexcept { return connections_; }

  // Bytes of tunnels that are over are still to go out.
  bool lingers() const noexcept { return !lingering_.empty(); }

  void on_session_free(session::ClientSession& session) noexcept override;
  bool on_other_protocol(session::ClientSession& session,
                         std::unique_ptr<net::Transport>& transport) noexcept override;
  void on_session_lingers(session::ClientSession& session) noexcept override;
  void on_session_gone(session::ClientSession& session) noexcept override;

  void on_session_secured(session::ClientSession& /*session*/, Duration took) noexcept override {
    counts_.add_handshake(took);
  }

  void on_session_not_secured(session::ClientSession& /*session*/) noexcept override {
    counts_.add(ServerCounts::failed_handshakes);
  }

 private:
  using List = IntrusiveList<session::ClientSession, session::ClientSessionTag>;

  struct Dialed {
    std::unique_ptr<net::Transport> transport;
    bool in_progress;
    uint32_t files_version;
    bool known = false;  // it is counted already, and only gets another protocol
  };

  // Backends rarely close a connection that was in use this recently, so a request that must not
  // be sent twice is safe enough on it.
  static constexpr Duration kRecent = std::chrono::seconds(2);
  // Connections made in advance at once.
  static constexpr uint32_t kWarmAtOnce = 8;
  // Connections are given up this part of the learned time before the backend would.
  static constexpr int kIdleMarginPart = 10;
  // A backend that is restarted closes connections of any age: that says nothing.
  static constexpr Duration kLeastIdleLimit = std::chrono::seconds(1);
  // For how long what was learned is taken for true.
  static constexpr Duration kIdleLimitAge = std::chrono::minutes(10);

  Result<Dialed> dial(const std::string& name, const Asked& asked) noexcept;
  Result<std::unique_ptr<net::Transport>> secure(net::Fd fd, const std::string& name,
                                                 const Asked& asked) noexcept;
  // The name that TLS is made for.
  std::string name_for(std::string_view host) const;

  bool fits(const session::ClientSession& session, std::string_view host) const noexcept {
    return !settings_->sni_is_host || session.server_name() == host;
  }

  void close(session::ClientSession& session, Closed why) noexcept;
  void note_unused(session::ClientSession& session, bool is) noexcept;

  // Of files of TLS that have been replaced: whom they trusted nobody may trust any more.
  void follow_files() noexcept;
  void leave(Closed why) noexcept;

  // This one has been in use for long enough.
  bool worn(const session::ClientSession& session) const noexcept;
  bool knows_idle_limit() const noexcept;
  void learn_idle_limit(Duration idle) noexcept;

  // HTTP/1
  session::H1ClientSession* take_idle(Reuse reuse, std::string_view host) noexcept;
  session::H1ClientSession* add_exclusive(Dialed dialed, std::string name) noexcept;
  void keep(session::ClientSession& session) noexcept;

  // HTTP/2
  session::H2ClientSession* find_shared(Reuse reuse, std::string_view host) noexcept;
  session::H2ClientSession* add_shared(Dialed dialed, std::string name) noexcept;
  bool may_be_stale(const session::H2ClientSession& session, Reuse reuse) const noexcept;
  void share(session::H2ClientSession& session) noexcept;
  uint32_t count_staying() noexcept;  // that are not about to be closed
  static session::H2ClientSession* shared(session::ClientSession* session) noexcept;

  net::EventLoop& loop_;
  const std::shared_ptr<const Endpoint> endpoint_;
  std::shared_ptr<const PoolSettings> settings_;
  ServerCounts& counts_;
  uint32_t files_version_;         // of what the TLS of new connections goes by
  std::optional<Closed> closing_;  // why we close a session, while we do
  // Whose connection goes on in another session: its end is none of the connection's.
  const session::ClientSession* replaced_ = nullptr;
  session::ClientSettings client_settings_;  // of the request that made the last connection
  bool speaks_h2_;                           // as far as is known
  uint32_t max_idle_;
  uint32_t idle_count_ = 0;
  uint32_t connections_ = 0;
  uint32_t pins_ = 0;
  // How long the backend leaves unused connections open, as it has shown; 0 = longer than we.
  Duration idle_limit_{};
  TimePoint idle_limit_at_{};  // when it did
  uint32_t streams_hint_;      // what the endpoint allowed a connection that was full
  List idle_;                  // of HTTP/1
  List shared_;                // of HTTP/2: may have room
  List full_;                  // of HTTP/2: until they say that they have
  List lingering_;             // of HTTP/1: tunnels whose last bytes are to go out
};

}  // namespace pingap::upstream

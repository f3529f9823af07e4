// A connection to a backend, whatever protocol it speaks: what its owner (a pool) sees of it.
// Worker. It owns itself from its start until it is closed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/intrusive_list.h"
#include "http/stream.h"
#include "net/transport.h"
#include "session/session.h"

namespace pingap::session {

struct ClientSessionTag;

// How far a connection has come that is being made: TCP, then TLS.
struct Connecting {
  bool done = false;  // it stands
  bool h2 = false;    // and TLS has chosen HTTP/2
  bool tls = false;
  bool connected = false;  // TCP stands, whatever TLS does
  Error failure;           // not done and none: it goes on with the next event
};

class ClientSession : public ListHook<ClientSessionTag> {
 public:
  enum class Kind : uint8_t {
    exclusive,  // one request at a time
    shared,     // several
  };

  Kind kind() const noexcept { return kind_; }

  // The name that TLS was made for, where an owner has connections for several.
  const std::string& server_name() const noexcept { return server_name_; }

  void set_server_name(std::string name) noexcept { server_name_ = std::move(name); }

  // A stream for one request. Only where the owner was told that there is one to be had, or right
  // behind the start. `settings` hold for this request.
  virtual http::ClientStream& open(http::ResponseSink& sink,
                                   const ClientSettings& settings) noexcept = 0;
  // Closes whatever is going on; sinks are told.
  virtual void close() noexcept = 0;

  // It is in a list of its owner's, from which it may be had.
  bool pooled() const noexcept { return ListHook<ClientSessionTag>::linked() && !lingers_; }

  // It has served a request before: a failure may be a stale connection (RFC 9112 9.3.1).
  bool reused() const noexcept { return served_ > 0; }

  uint32_t served() const noexcept { return served_; }

  // It was unused, and the backend has closed it.
  bool left_by_peer() const noexcept { return left_by_peer_; }

  // What its owner remembers of it: that no request uses it.
  bool unused() const noexcept { return unused_; }

  void set_unused(bool unused) noexcept { unused_ = unused; }

  TimePoint made_at() const noexcept { return made_at_; }

  void set_made_at(TimePoint at) noexcept { made_at_ = at; }

  // Of tls::Live: which of its contexts the connection was secured by. 0 in the clear.
  uint32_t files_version() const noexcept { return files_version_; }

  void set_files_version(uint32_t version) noexcept { files_version_ = version; }

  // When the backend was last known to be there.
  TimePoint heard_at() const noexcept { return heard_at_; }

 protected:
  explicit ClientSession(Kind kind) noexcept : kind_(kind) {}

  ~ClientSession() = default;

  // Goes on with a connection that is being made, and tells `owner` what came of its TLS. `hangup`:
  // the peer's end is known, no event will tell of it again.
  Connecting connect_further(net::Transport& transport, bool hangup, ClientSessionOwner& owner,
                             TimePoint now) noexcept;
  // What it was that took too long, of a connection that does not stand yet.
  ErrorCode connect_timed_out(ClientSessionOwner& owner) noexcept;

  bool left_by_peer_ = false;
  bool unused_ = false;
  bool lingers_ = false;  // its exchange is over, and the last bytes are still to go out
  TimePoint heard_at_{};
  uint32_t served_ = 0;  // requests answered

 private:
  const Kind kind_;
  std::string server_name_;
  TimePoint made_at_{};
  uint32_t files_version_ = 0;
  std::optional<TimePoint> shaking_since_;  // TCP stands, TLS does not yet
};

}  // namespace pingap::session

// A connection to a backend, whatever protocol it speaks: what its owner (a pool) sees of it.
// Worker. It owns itself from its start until it is closed.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "base/error.h"
#include "base/intrusive_list.h"
#include "http/stream.h"
#include "session/session.h"

namespace pingap::session {

struct ClientSessionTag;

class ClientSession : public ListHook<ClientSessionTag> {
 public:
  // A stream for one request. Only where the owner was told that there is one to be had, or right
  // behind the start. `settings` hold for this request.
  virtual http::ClientStream& open(http::ResponseSink& sink,
                                   const ClientSettings& settings) noexcept = 0;
  // Closes whatever is going on; sinks are told.
  virtual void close() noexcept = 0;

  // It is in a list of its owner's.
  bool pooled() const noexcept { return ListHook<ClientSessionTag>::linked(); }

  // It has served a request before: a failure may be a stale connection (RFC 9112 9.3.1).
  bool reused() const noexcept { return served_ > 0; }

  // When the backend was last known to be there.
  TimePoint heard_at() const noexcept { return heard_at_; }

 protected:
  ~ClientSession() = default;

  TimePoint heard_at_{};
  uint32_t served_ = 0;  // requests answered
};

// Why a connection did not come to be, from its errno.
ErrorCode connect_error(int error) noexcept;

}  // namespace pingap::session

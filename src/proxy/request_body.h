// The body that a client sends, on its way to whichever try takes it. While it is short a copy is
// kept for a second try; where the location buffers all of it is, and the backend is asked when it
// is whole. Worker; part of a Forwarder.
#pragma once

#include <cstdint>
#include <optional>

#include "base/arena.h"
#include "base/byte_queue.h"
#include "http/stream.h"
#include "proxy/body_spool.h"

namespace pingap::proxy {

class RequestBody {
 public:
  RequestBody(http::ServerStream& client, Arena& arena) noexcept
      : client_(&client), arena_(arena) {}

  // Before anything has come.
  void set_client(http::ServerStream& client) noexcept { client_ = &client; }

  // All of it is to be kept before anything is sent on.
  void buffer() noexcept { spool_.emplace(); }

  bool buffered() const noexcept { return spool_.has_value(); }

  // Its size is known where it was buffered.
  uint64_t size() const noexcept { return spool_->size(); }

  // The client has sent its end.
  bool over() const noexcept { return over_; }

  void set_over() noexcept { over_ = true; }

  bool has_trailers() const noexcept { return trailers_ != nullptr; }

  // A second try can be given what the first one was.
  bool replayable() const noexcept { return replayable_; }

  // What has come is still here, all of it.
  bool complete() const noexcept { return replayable_ || spool_.has_value(); }

  void forbid_replay() noexcept;

  // From the client, to the current try; null when there is none yet, or no more. `total` bytes of
  // the body have come by now.
  Result<> take(ByteQueue& data, End end, uint64_t total, http::ClientStream* to) noexcept;
  void take_trailers(http::HeaderMap& trailers, http::ClientStream* to) noexcept;
  // The request is answered: what still comes of it is thrown away.
  void discard(ByteQueue& data) noexcept;

  // A new try, whose head is sent, gets all there is. Not where the head was all (End::yes).
  Result<> send_to(http::ClientStream& to) noexcept;
  // It has taken `bytes` of the body so far.
  Result<> on_sent(uint64_t bytes, http::ClientStream& to) noexcept;

 private:
  Result<> pump(http::ClientStream& to) noexcept;
  void keep(const ByteQueue& data, uint64_t total, bool under_way) noexcept;

  http::ServerStream* client_;
  Arena& arena_;
  bool over_ = false;
  bool replayable_ = true;  // replay_ and trailers_ hold all so far
  ByteQueue replay_;
  const http::HeaderMap* trailers_ = nullptr;  // in the arena, as the client sent them
  uint64_t released_ = 0;                      // bytes given back to the client's window
  std::optional<BodySpool> spool_;
  uint64_t spool_sent_ = 0;  // bytes of it handed to the try
};

}  // namespace pingap::proxy

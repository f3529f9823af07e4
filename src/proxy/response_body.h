// A body that a backend sends, on its way to the client: straight through or, where the location
// buffers, kept aside so that the backend is done as soon as it can be. Worker; part of a
// Forwarder.
#pragma once

#include <cstdint>
#include <optional>

#include "base/byte_queue.h"
#include "http/limits.h"
#include "http/stream.h"
#include "proxy/body_spool.h"

namespace pingap::proxy {

class ResponseBody {
 public:
  // `most` bytes are kept aside before the backend has to wait.
  explicit ResponseBody(http::ServerStream& client, uint64_t most = http::limits::kSpool) noexcept
      : client_(&client), most_(most) {}

  // Before anything has come.
  void set_client(http::ServerStream& client) noexcept { client_ = &client; }

  void buffer() noexcept { spool_.emplace(); }

  bool buffered() const noexcept { return spool_.has_value(); }

  // Nothing more will be sent.
  void drop() noexcept { spool_.reset(); }

  // From the backend, whose stream `from` is.
  Result<> take(ByteQueue& data, End end, http::Stream& from) noexcept;
  // The client has taken `bytes` more; `from` is null when the backend is done.
  Result<> on_sent(size_t bytes, http::Stream* from) noexcept;

 private:
  Result<> pump() noexcept;
  void make_room(http::Stream& from) noexcept;

  http::ServerStream* client_;
  const uint64_t most_;
  std::optional<BodySpool> spool_;
  bool over_ = false;       // the backend has sent the end
  uint64_t sent_ = 0;       // bytes handed to the client's stream
  uint64_t in_flight_ = 0;  // of these, not yet written
  size_t held_ = 0;         // bytes that the backend's window is short of, the spool being full
};

}  // namespace pingap::proxy

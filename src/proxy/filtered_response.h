// The body filters of plugins in front of a client's stream: what is sent goes through all of them.
// Worker; part of a Forwarder.
//
// What the filters make differs in length from what came: the backend's window is given back what
// came, as soon as not too much of what was made waits for the client.
#pragma once

#include "base/callback.h"
#include "http/stream.h"
#include "net/event_loop.h"
#include "proxy/body_filters.h"

namespace pingap::proxy {

class FilteredResponse final : public http::ServerStream, public net::Deferrable {
 public:
  struct Owner {
    Callback<void(size_t)> on_sent;          // bytes that came are done with
    Callback<void(const Error&)> on_failed;  // of a filter; nothing more is sent
  };

  // `client` and `loop` outlive this; the filters as long as their request.
  FilteredResponse(http::ServerStream& client, net::EventLoop& loop, BodyFilters filters,
                   Owner owner) noexcept;

  // The client has taken `bytes` of what was made. As many that came are done with.
  size_t on_sent(size_t bytes) noexcept;

  http::ServerStream& client() noexcept { return client_; }

  // Of body, to the client.
  uint64_t sent_bytes() const noexcept { return sent_bytes_; }

  // http::ServerStream
  void send_head(http::ResponseHead& head, End end) noexcept override;
  void send_interim(const http::ResponseHead& head) noexcept override;
  bool unsend() noexcept override;
  void send_body(ByteQueue& data, End end) noexcept override;
  void send_trailers(const http::HeaderMap& trailers) noexcept override;
  void release_window(size_t bytes) noexcept override;
  void reset(ErrorCode why) noexcept override;

  void on_deferred() noexcept override;

 private:
  bool filter(ByteQueue& data, End end) noexcept;

  http::ServerStream& client_;
  net::EventLoop& loop_;
  BodyFilters filters_;
  Owner owner_;
  size_t came_ = 0;    // not yet given back
  size_t unsent_ = 0;  // made, and not yet taken by the client
  uint64_t sent_bytes_ = 0;
  Error error_;
};

}  // namespace pingap::proxy

// One try at a backend: owns the stream to it and passes what it says on to the forwarder.
// Worker. A retry drops it and builds the next, so that no state of a try survives it.
#pragma once

#include <cstdint>

#include "http/stream.h"
#include "upstream/endpoint.h"

namespace pingap::proxy {

class Forwarder;

class Attempt final : public http::ResponseSink {
 public:
  Attempt(Forwarder& forwarder, const upstream::Endpoint& endpoint, bool counts) noexcept;
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  ~Attempt();

  void start(http::ClientStream& stream) noexcept { stream_ = &stream; }

  http::ClientStream* stream() noexcept { return stream_; }

  // Gives the backend up.
  void abandon(ErrorCode why) noexcept;

  const upstream::Endpoint& endpoint() const noexcept { return endpoint_; }

  // http::ResponseSink
  void on_connected() noexcept override;
  void on_head(http::ResponseHead& head, End end) noexcept override;
  void on_body(ByteQueue& data, End end) noexcept override;
  void on_piped(size_t bytes, End end) noexcept override;
  void on_trailers(http::HeaderMap& trailers) noexcept override;
  void on_sent(size_t bytes) noexcept override;
  void on_closed(const Error& why) noexcept override;

 private:
  Forwarder& forwarder_;
  const upstream::Endpoint& endpoint_;
  http::ClientStream* stream_ = nullptr;
  uint64_t body_sent_ = 0;  // of the request body, by this try
  uint8_t interim_ = 0;     // 1xx answers so far
  const bool counts_;       // in EndpointState::active
};

}  // namespace pingap::proxy

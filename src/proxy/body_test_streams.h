// Streams that note what they are told, for tests of the bodies.
#pragma once

#include <string>

#include "http/stream.h"

namespace pingap::proxy {

// What was sent on a stream, and how much of its window was given back.
struct Sent {
  std::string body;
  std::string trailers;
  size_t released = 0;
  bool ended = false;
};

template <class Stream>
class NotingStream : public Stream {
 public:
  Sent sent;

  void send_body(ByteQueue& data, End end) noexcept override {
    while (!data.empty()) {
      sent.body += data.front();
      data.consume(data.front().size());
    }
    sent.ended = end == End::yes;
  }

  void send_trailers(const http::HeaderMap& trailers) noexcept override {
    for (const http::Field& field : trailers.fields()) {
      if (!field.removed()) {
        sent.trailers.append(field.name()).append("=").append(field.value()).append(";");
      }
    }
    sent.ended = true;
  }

  void release_window(size_t bytes) noexcept override { sent.released += bytes; }

  void reset(ErrorCode /*why*/) noexcept override {}

 protected:
  ~NotingStream() = default;
};

class NotingClient final : public NotingStream<http::ServerStream> {
 public:
  void send_head(http::ResponseHead& /*head*/, End /*end*/) noexcept override {}

  void send_interim(const http::ResponseHead& /*head*/) noexcept override {}

  bool unsend() noexcept override { return false; }
};

class NotingUpstream final : public NotingStream<http::ClientStream> {
 public:
  void send_head(const http::RequestHead& /*head*/, End /*end*/) noexcept override {}
};

inline ByteQueue bytes_of(const std::string& text) {
  ByteQueue bytes;
  bytes.append(text);
  return bytes;
}

}  // namespace pingap::proxy

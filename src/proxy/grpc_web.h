// A client of gRPC-web before a backend of gRPC (gRPC's PROTOCOL-WEB.md): stands in front of the
// client's stream and translates both bodies while they pass. Worker; part of a Forwarder.
//
//   client --read()--> forwarder --> backend      base64 of the text form undone
//   client <--send_*-- forwarder <-- backend      trailers become the last frame; base64 made
//
// The two sides of a body differ in length: each side's window gets back what its own bytes were.
#pragma once

#include <cstdint>
#include <span>

#include "base/arena.h"
#include "base/byte_queue.h"
#include "http/base64.h"
#include "http/grpc_web.h"
#include "http/stream.h"

namespace pingap::proxy {

// Bytes that came, and what was made of them and is on its way.
class LengthRatio {
 public:
  void add(size_t came, size_t made) noexcept {
    came_ += came;
    made_ += made;
  }

  // `made` bytes have arrived: as many as they were when they came. More than there are on their
  // way were never changed.
  size_t take(size_t made) noexcept;

  bool idle() const noexcept { return made_ == 0; }

 private:
  size_t came_ = 0;
  size_t made_ = 0;
};

// Memory for what is made of a body piece by piece, so that a trickle does not take a chunk each.
class PieceRoom {
 public:
  std::span<char> get() noexcept;
  // The first `bytes` of it go to the end of `out`.
  void commit(size_t bytes, ByteQueue& out) noexcept;

  void free() noexcept { chunk_.reset(); }

 private:
  ChunkRef chunk_;
  size_t used_ = 0;
};

class GrpcWeb final : public http::ServerStream {
 public:
  // A POST with a content type of gRPC-web.
  static bool asked_by(const http::RequestHead& request) noexcept;

  // All of them outlive this.
  GrpcWeb(http::ServerStream& client, const http::RequestHead& request, Arena& arena) noexcept;

  // Makes a call of gRPC of `request`, which is for the backend.
  void ask(http::RequestHead& request) noexcept;
  // What the client has sent becomes what the backend is to get; that may be nothing yet.
  Result<> read(ByteQueue& data, End end) noexcept;

  // The answer is one of gRPC.
  bool bridging() const noexcept { return bridging_; }

  // Nothing is amiss when the answer ends here.
  bool between_messages() const noexcept { return messages_.between(); }

  // The client has taken `bytes`: as many as they were when they came from the backend.
  size_t on_sent(size_t bytes) noexcept;

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

 private:
  void encode(ByteQueue& data, ByteQueue& out) noexcept;
  void send(ByteQueue& data, size_t came, End end) noexcept;

  http::ServerStream& client_;
  Arena& arena_;
  const bool request_text_;
  const bool response_text_;
  bool bridging_ = false;
  bool has_status_ = false;  // in the head of the answer
  http::Base64Decoder decoder_;
  PieceRoom decoded_;
  PieceRoom encoded_;
  LengthRatio request_;
  LengthRatio response_;
  http::GrpcMessages messages_;  // of the answer
  uint64_t sent_bytes_ = 0;
};

}  // namespace pingap::proxy

// The way of one request through the proxy, readable from top to bottom in forwarder.cc; answers of
// our own and the end are in forwarder_answers.cc. Worker.
//
//   receiving --route--> [buffering] --> connecting --head--> responding --> done
//       |                                    |  ^                |
//       +---- refused, no route, ... --------+  +--- retry ------+ (only before a response byte)
//             answered here
//
// Lives in a slab block of its worker; retired when the client's stream is over.
#pragma once

#include <array>
#include <optional>

#include "base/byte_queue.h"
#include "base/pipe.h"
#include "base/slab.h"
#include "exchange/exchange.h"
#include "http/stream.h"
#include "net/event_loop.h"
#include "net/proxy_protocol.h"
#include "net/timer.h"
#include "proxy/attempt.h"
#include "proxy/grpc_web.h"
#include "proxy/request_body.h"
#include "proxy/response_body.h"
#include "proxy/snapshot.h"
#include "upstream/pool.h"

namespace pingap::session {
class ServerSession;
}

namespace pingap::proxy {

class Frontend;

class Forwarder final : public http::RequestSink,
                        public net::Deferrable,
                        public net::Retirable,
                        public Pooled<Forwarder> {
 public:
  Forwarder(Frontend& frontend, http::ServerStream& client,
            session::ServerSession& session) noexcept;
  ~Forwarder() override;

  // http::RequestSink: the client
  void on_head(http::RequestHead& head, End end) noexcept override;
  void on_refused(ErrorCode why, std::string_view head) noexcept override;
  void on_malformed(ErrorCode why, std::string_view head) noexcept override;
  void on_body(ByteQueue& data, End end) noexcept override;
  void on_piped(size_t bytes, End end) noexcept override;
  void on_trailers(http::HeaderMap& trailers) noexcept override;
  void on_sent(size_t bytes) noexcept override;
  void on_closed(const Error& why) noexcept override;

  // Attempt: the backend
  void on_connected() noexcept;
  void on_interim(http::ResponseHead& head) noexcept;
  void on_response(http::ResponseHead& head, End end) noexcept;
  void on_response_body(ByteQueue& data, End end) noexcept;
  void on_response_piped(size_t bytes, End end) noexcept;
  void on_response_trailers(http::HeaderMap& trailers) noexcept;
  void on_request_sent(uint64_t body_bytes) noexcept;
  void on_attempt_failed(const Error& why) noexcept;

  void on_deferred() noexcept override;  // the next try

 private:
  enum class Phase : uint8_t { receiving, buffering, connecting, responding, answered, done };

  bool watch_deadline() noexcept;
  void on_deadline() noexcept;
  bool admit() noexcept;
  bool route() noexcept;
  void bridge_grpc_web() noexcept;
  void try_backend() noexcept;
  int pick_endpoint() noexcept;
  std::string_view proxy_header(net::ProxyHeaderRoom& room) const noexcept;
  bool may_retry(const Error& why) const noexcept;
  void send_request() noexcept;
  void offer_pipe(http::Stream& from, const http::Stream& to, uint64_t rest) noexcept;

  http::ClientStream* upstream() noexcept { return attempt_ ? attempt_->stream() : nullptr; }

  bool answered() const noexcept { return phase_ == Phase::answered || phase_ == Phase::done; }

  void end_response() noexcept;
  void note_refused(std::string_view head) noexcept;
  void answer_error(ErrorCode why, Side side) noexcept;
  void abort_response(ErrorCode why, Side side) noexcept;
  void finish() noexcept;

  Frontend& frontend_;
  http::ServerStream* client_;
  const session::ServerSession& session_;  // of client_: while that may be used
  const Site& site_;
  const Route* route_ = nullptr;
  Phase phase_ = Phase::receiving;
  bool client_gone_ = false;  // client_ must not be used any more
  bool tunnel_ = false;
  bool had_stale_ = false;  // the next try takes a fresh connection to the same endpoint
  int endpoint_ = -1;       // of the current try
  Error last_error_;        // of the try before
  uint64_t tried_ = 0;      // a bit per endpoint (the first 64)
  net::Timer deadline_{Callback<void()>::of<&Forwarder::on_deadline>(this)};
  std::optional<GrpcWeb> web_;  // then it is client_
  Pipe::Handle pipe_;           // of a long body, if there is one
  std::optional<Attempt> attempt_;

 public:
  exchange::Exchange x;

 private:
  RequestBody request_body_;
  ResponseBody response_body_;
  // The last member: the arena's first block.
  static constexpr size_t kFirstBlock = 6 * 1024;
  std::array<char, kFirstBlock> first_block_;
};

}  // namespace pingap::proxy

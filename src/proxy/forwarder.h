// The way of one request through the proxy, readable from top to bottom in forwarder.cc. Worker.
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
#include "exchange/exchange.h"
#include "http/stream.h"
#include "net/event_loop.h"
#include "proxy/attempt.h"
#include "proxy/body_spool.h"
#include "proxy/snapshot.h"
#include "upstream/pool.h"

namespace pingap::session {
class H1ServerSession;
}

namespace pingap::proxy {

class Frontend;

class Forwarder final : public http::RequestSink, public net::Deferrable, public net::Retirable {
 public:
  Forwarder(Frontend& frontend, http::ServerStream& client,
            session::H1ServerSession& session) noexcept;
  ~Forwarder() override;

  // Blocks come from a free list of the thread.
  static void* operator new(size_t size);
  static void operator delete(void* memory) noexcept;

  // http::RequestSink: the client
  void on_head(http::RequestHead& head, End end) noexcept override;
  void on_refused(ErrorCode why, std::string_view head) noexcept override;
  void on_body(ByteQueue& data, End end) noexcept override;
  void on_trailers(http::HeaderMap& trailers) noexcept override;
  void on_sent(size_t bytes) noexcept override;
  void on_closed(const Error& why) noexcept override;

  // Attempt: the backend
  void on_connected() noexcept;
  void on_interim(http::ResponseHead& head) noexcept;
  void on_response(http::ResponseHead& head, End end) noexcept;
  void on_response_body(ByteQueue& data, End end) noexcept;
  void on_response_trailers(http::HeaderMap& trailers) noexcept;
  void on_request_sent(uint64_t body_bytes) noexcept;
  void on_attempt_failed(const Error& why) noexcept;

  void on_deferred() noexcept override;  // the next try

 private:
  enum class Phase : uint8_t { receiving, buffering, connecting, responding, answered, done };

  bool admit() noexcept;
  bool route() noexcept;
  void try_backend() noexcept;
  int pick_endpoint() noexcept;
  bool may_retry(const Error& why) const noexcept;
  void send_request() noexcept;
  void pump_request() noexcept;
  void end_request(End end) noexcept;
  void take_request_body(ByteQueue& data, End end) noexcept;
  bool accept_upgrade(const http::ResponseHead& head) const noexcept;
  void end_response() noexcept;
  void pump_response() noexcept;
  void answer_error(ErrorCode why, Side side) noexcept;
  void abort_response(ErrorCode why, Side side) noexcept;
  void finish() noexcept;

  Frontend& frontend_;
  http::ServerStream& client_;
  session::H1ServerSession& session_;
  const Site& site_;
  const Route* route_ = nullptr;
  Phase phase_ = Phase::receiving;
  bool request_over_ = false;   // the client's body is complete
  bool client_gone_ = false;    // client_ must not be used any more
  bool response_over_ = false;  // the backend's answer is complete
  bool tunnel_ = false;
  bool replayable_ = true;      // replay_ holds all of the body so far
  bool had_stale_ = false;      // the next try takes a fresh connection to the same endpoint
  int endpoint_ = -1;           // of the current try
  Error last_error_;            // of the try before
  uint64_t tried_ = 0;          // a bit per endpoint (the first 64)
  uint64_t released_ = 0;       // request body bytes given back to the client's window
  uint64_t spool_sent_ = 0;     // of a buffered request body: handed to the stream
  uint64_t response_sent_ = 0;  // of a buffered response body: handed to the client
  uint64_t in_flight_ = 0;      // of a buffered response body: handed over, not yet written
  ByteQueue replay_;
  std::optional<Attempt> attempt_;
  std::optional<BodySpool> request_spool_;
  std::optional<BodySpool> response_spool_;

 public:
  // Last members: the arena's first block fills the rest of the slab block.
  exchange::Exchange x;

 private:
  static constexpr size_t kFirstBlock = 6 * 1024;
  std::array<char, kFirstBlock> first_block_;
};

}  // namespace pingap::proxy

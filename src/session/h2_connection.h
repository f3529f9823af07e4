// What both ends of HTTP/2 share: a transport, nghttp2's session, an output queue, the rules of
// edge-triggered readiness, and budgets for what a peer may do. Worker.
//
//   on_io -> receive -> nghttp2 -> callbacks -> a stream -> its sink
//   sink -> a stream -> nghttp2 queues -> flush (once per event) -> one write
//
// Frames are made only while there is room in out_: a peer that does not read holds no more of us
// than that and the windows of its streams.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/byte_queue.h"
#include "http/h2/budget.h"
#include "net/event_loop.h"
#include "net/transport.h"

struct nghttp2_option;
struct nghttp2_session;

namespace pingap::session {

class H2Connection : public net::IoHandler,
                     public net::Deferrable,
                     public net::Resumable,
                     public net::Retirable {
 public:
  ~H2Connection() override;

  // net
  void on_io(net::IoEvents ready) noexcept override;
  void on_deferred() noexcept final;
  void on_resume() noexcept final;

  // For its streams:
  net::EventLoop& loop() noexcept { return loop_; }

  nghttp2_session* framing() noexcept { return framing_; }

  // At the end of the turn: the answers of many backends leave in one write.
  void flush_later() noexcept { loop_.defer_to_end(*this); }

  ByteQueue& output() noexcept { return out_; }

  bool has_room() const noexcept;

 protected:
  friend struct H2Callbacks;

  H2Connection(net::EventLoop& loop, std::unique_ptr<net::Transport> transport) noexcept;

  // What nghttp2 is told about either end; never freed.
  static nghttp2_option* make_options() noexcept;

  void receive() noexcept;
  bool feed(std::string_view bytes) noexcept;
  void flush() noexcept;
  // Ends everything but the object.
  void close_connection() noexcept;

  virtual Duration write_timeout() const noexcept = 0;
  // Reading came to an end: the peer's FIN (0) or what broke the connection.
  virtual void on_input_end(int error) noexcept = 0;
  virtual void on_write_failed(int error) noexcept = 0;
  virtual void on_framing_failed() noexcept = 0;
  // Written as far as it goes: it may be over.
  virtual void after_flush() noexcept = 0;
  virtual void on_write_timer() noexcept = 0;
  virtual void watch_reading() noexcept = 0;

  // Bytes that the peer has still to take, those in the transport included.
  bool has_output() const noexcept { return !out_.empty() || transport_->pending(); }

  bool may_read() const noexcept { return reads_always_ || has_room(); }

  void charge_control() noexcept;
  void charge_reset() noexcept;
  void calm_down() noexcept;
  // Ends the connection by GOAWAY with this code.
  void give_up(uint32_t code) noexcept;

  net::EventLoop& loop_;
  std::unique_ptr<net::Transport> transport_;
  nghttp2_session* framing_ = nullptr;
  ChunkRef in_chunk_;  // what nghttp2 is reading
  ByteQueue out_;
  uint64_t received_ = 0;  // bytes read, ever
  uint64_t taken_ = 0;     // bytes of out_ that the socket took, ever
  http::h2::TokenBucket control_;
  http::h2::TokenBucket resets_;
  net::Timer write_timer_{Callback<void()>::of<&H2Connection::on_write_timer>(this)};
  bool connecting_ = false;    // no frames are made yet
  bool reads_always_ = false;  // also while there is no room: what the peer makes us say is bounded
  bool readable_ = false;
  bool writable_ = false;
  bool hangup_ = false;     // the peer's FIN is known: no event will tell of what comes before it
  bool ending_ = false;     // GOAWAY for good is queued: what still comes is not looked at
  bool lingering_ = false;  // our FIN is out; input is thrown away
  bool closed_ = false;
};

}  // namespace pingap::session

// What both ends of HTTP/2 share: a transport, a framer, an output queue, the rules of
// edge-triggered readiness, and what a peer may do. Worker.
//
//   on_io -> receive -> framer -> its events -> a stream -> its sink
//   sink -> a stream -> framer -> flush (once per event) -> one write
//
// Frames are made only while there is room in out_: a peer that does not read holds no more of us
// than that and the windows of its streams.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/byte_queue.h"
#include "base/error.h"
#include "http/h2/flood_guard.h"
#include "http/h2/framer.h"
#include "net/event_loop.h"
#include "net/transport.h"

namespace pingap::session {

class H2Connection : public net::IoHandler,
                     public net::Deferrable,
                     public net::Resumable,
                     public net::Retirable,
                     protected http::h2::FramerEvents {
 public:
  // net
  void on_io(net::IoEvents ready) noexcept override;
  void on_deferred() noexcept final;
  void on_resume() noexcept final;

  // For its streams:
  net::EventLoop& loop() noexcept { return loop_; }

  http::h2::Framer& framer() noexcept { return framer_; }

  // At the end of the turn: the answers of many backends leave in one write.
  void flush_later() noexcept { loop_.defer_to_end(*this); }

  // Bytes made so far, those that the socket has not taken included.
  uint64_t framed() const noexcept { return taken_ + out_.size(); }

  bool has_room() const noexcept { return framer_.has_room(); }

  // Bytes that are framed and wait for the socket.
  size_t unsent() const noexcept { return out_.size(); }

 protected:
  // `streams`: how many there may be at once.
  H2Connection(net::EventLoop& loop, std::unique_ptr<net::Transport> transport, http::h2::Role role,
               uint32_t streams) noexcept;

  void receive() noexcept;
  bool feed(std::string_view bytes) noexcept;
  void flush() noexcept;
  void note_answers_taken() noexcept;
  // Ends everything but the object.
  void close_connection() noexcept;

  virtual Duration write_timeout() const noexcept = 0;
  // Reading came to an end: the peer's FIN (0) or what broke the connection.
  virtual void on_input_end(int error) noexcept = 0;
  // The transport has taken this much, or nothing.
  virtual void on_written(size_t bytes) noexcept = 0;
  virtual void on_write_failed(int error) noexcept = 0;
  // Written as far as it goes: it may be over.
  virtual void after_flush() noexcept = 0;
  virtual void on_write_timer() noexcept = 0;
  virtual void watch_reading() noexcept = 0;

  // fail() was called: it is over as soon as the GOAWAY is out.
  virtual void on_failed(ErrorCode /*why*/) noexcept {}

  // Bytes that the peer has still to take, those in the transport included.
  bool has_output() const noexcept { return !out_.empty() || transport_->pending(); }

  bool may_read() const noexcept { return reads_always_ || has_room(); }

  // Ends the connection by GOAWAY where `why` is an error. False where it is ending.
  bool check(ErrorCode why) noexcept;
  // The same, with this code.
  void fail(ErrorCode why, http::h2::Code code) noexcept;

  // A piece of body in the chunk that is being read.
  struct Part {
    size_t begin;
    size_t end;
  };

  Part part_of(std::string_view bytes) const noexcept;

  // http::h2::FramerEvents
  void on_frame(const http::h2::FrameHeader& header) noexcept override;
  void on_empty_data() noexcept final;
  void on_broken(ErrorCode why, http::h2::Code code) noexcept final;

  net::EventLoop& loop_;
  std::unique_ptr<net::Transport> transport_;
  ChunkRef in_chunk_;  // what the framer is reading
  ByteQueue out_;
  http::h2::Framer framer_;
  uint64_t received_ = 0;      // bytes read, ever
  uint64_t taken_ = 0;         // bytes of out_ that the socket took, ever
  uint64_t taken_mark_ = 0;    // of these when the write timer was armed
  uint64_t answers_mark_ = 0;  // framed() when note_answers_taken() last counted anew
  http::h2::FloodGuard guard_;
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

// What both ends of HTTP/1 share: a transport, an input buffer, an output queue, and the rules of
// edge-triggered readiness. Worker.
//
// Input is read only while wants_input(); output is written once per event, after all handlers of
// that event have added to it (Deferrable). A connection that waits for input with nothing read
// holds no buffer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/byte_queue.h"
#include "base/pipe.h"
#include "http/h1/body_reader.h"
#include "http/h1/parser.h"
#include "http/head.h"
#include "http/limits.h"
#include "net/event_loop.h"
#include "net/transport.h"

namespace pingap::session {

// Body bytes that may be in a pipe.
inline constexpr size_t kPipeWindow = 256 * 1024;

class H1Connection : public net::IoHandler,
                     public net::Deferrable,
                     public net::Resumable,
                     public net::Retirable {
 public:
  void on_io(net::IoEvents ready) noexcept final;
  void on_deferred() noexcept final;
  void on_resume() noexcept final;

 protected:
  H1Connection(net::EventLoop& loop, std::unique_ptr<net::Transport> transport) noexcept;

  virtual bool wants_input() const noexcept = 0;
  virtual void on_input() noexcept = 0;  // input() has grown
  // The next bytes are those of a body that is wanted.
  virtual bool in_body() const noexcept = 0;
  // Such bytes, from the input or read past it, and the step behind them: need_more, end or failed.
  virtual void on_body_read(const http::h1::BodyReader::Step& step, ByteQueue& data) noexcept = 0;
  // `bytes` more of the body are in the pipe.
  virtual void on_body_piped(size_t bytes, End end) noexcept = 0;
  virtual void on_input_end() noexcept = 0;         // the peer sent FIN
  virtual void on_failure(int error) noexcept = 0;  // the connection broke
  virtual void on_write_failure(int error) noexcept = 0;
  virtual void on_output(size_t bytes) noexcept = 0;  // `bytes` more were written
  virtual void after_output() noexcept = 0;           // once per flush, also when nothing was left

  // For a connection that is not established yet: the socket became writable.
  virtual void on_connect_ready() noexcept {}

  void receive() noexcept;  // reads while wanted and available, within a turn's budget

  void flush_later() noexcept { loop_.defer(*this); }

  // Closes the descriptor and hands the object to the loop for destruction. Once.
  void close_connection() noexcept;

  std::string_view input() const noexcept {
    return in_chunk_ ? std::string_view{in_chunk_.data() + in_begin_, in_end_ - in_begin_}
                     : std::string_view{};
  }

  void consume_input(size_t bytes) noexcept;

  void discard_input() noexcept { consume_input(in_end_ - in_begin_); }

  void release_empty_input() noexcept {
    if (in_begin_ == in_end_) {
      in_chunk_.reset();
      in_begin_ = 0;
      in_end_ = 0;
    }
  }

  // A part of a head is there, and what came since (`bytes` is all of it) is no reason to parse.
  bool head_waits(std::string_view bytes, size_t max) noexcept {
    return partial_head_ && scanner_.scan(bytes, max) == http::h1::HeadScanner::Verdict::wait;
  }

  // `bytes` were parsed, and are a part of a head. True for the first such.
  bool note_partial_head(std::string_view bytes, size_t max) noexcept;

  // Puts a part of a head that waits for its rest into a buffer of its own size.
  void keep_partial_input(size_t max) noexcept;

  // Hands the body bytes at the front of the input to on_body_read().
  void read_body() noexcept;
  // Takes them to `batch` and returns the step behind them.
  http::h1::BodyReader::Step take_body(ByteQueue& batch) noexcept;

  // The rest of the body goes into `pipe`, if it is long and its length is known.
  void read_by(Pipe& pipe) noexcept;

  bool can_write_piped() const noexcept {
    return transport_->splices() && out_framing_ == http::Framing::length;
  }

  void write_piped(Pipe& pipe, size_t bytes) noexcept;

  bool has_output() const noexcept { return !out_.empty() || piped_ > 0 || transport_->pending(); }

  void drop_output() noexcept {
    out_.clear();
    piped_ = 0;
  }

  // Body bytes delivered and not released are fewer than may be.
  bool has_window() const noexcept {
    return !pipe_full_ && unreleased_ < (in_pipe_ == nullptr ? http::limits::kWindow : kPipeWindow);
  }

  void give_window(size_t bytes) noexcept {
    unreleased_ -= std::min(bytes, unreleased_);
    pipe_was_full_ = pipe_was_full_ || pipe_full_;
    pipe_full_ = false;
  }

  // Body framing of what we send.
  void frame_body(ByteQueue& data, End end, const http::HeaderMap* trailers) noexcept;

  net::EventLoop& loop_;
  std::unique_ptr<net::Transport> transport_;
  ByteQueue out_;
  http::h1::BodyReader reader_;
  http::h1::HeadScanner scanner_;  // where partial_head_
  ChunkRef in_chunk_;
  uint32_t in_begin_ = 0;
  uint32_t in_end_ = 0;
  size_t unreleased_ = 0;     // body bytes delivered and not yet released
  size_t body_unsent_ = 0;    // body bytes in out_ and out_pipe_
  size_t piped_ = 0;          // bytes in out_pipe_ that follow out_
  Pipe* in_pipe_ = nullptr;   // of the current message; its exchange owns it
  Pipe* out_pipe_ = nullptr;  // where piped_ > 0
  http::Framing out_framing_ = http::Framing::none;
  bool partial_head_ = false;
  bool readable_ = false;
  bool writable_ = false;
  bool hangup_ = false;  // the peer's FIN (or more) is known: read until it is reached
  bool input_ended_ = false;
  bool closed_ = false;
  bool connecting_ = false;
  bool fin_follows_ = false;    // at once, when out_ is written
  bool pipe_full_ = false;      // until something is taken out of it
  bool pipe_was_full_ = false;  // or the socket was empty: the next read tells

 private:
  std::span<char> input_room() noexcept;
  size_t receive_input() noexcept;
  size_t receive_body(size_t budget) noexcept;
  size_t receive_piped() noexcept;
  size_t receive_some(size_t budget) noexcept;
  void look_behind_body() noexcept;
  net::IoResult write_output() noexcept;
  bool note_read(const net::IoResult& result) noexcept;
  bool may_have_ended() const noexcept;
  void flush() noexcept;
};

}  // namespace pingap::session

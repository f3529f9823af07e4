// What both ends of HTTP/1 share: a transport, an input buffer, an output queue, and the rules of
// edge-triggered readiness. Worker.
//
// Input is read only while wants_input(); output is written once per event, after all handlers of
// that event have added to it (Deferrable). A connection that waits for input with nothing read
// holds no buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/byte_queue.h"
#include "http/h1/body_reader.h"
#include "http/head.h"
#include "net/event_loop.h"
#include "net/transport.h"

namespace pingap::session {

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
  virtual void on_input() noexcept = 0;             // input() has grown
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

  // Puts a part of a head that waits for its rest into a buffer of its own size.
  void keep_partial_input(size_t max) noexcept;

  // Takes the body bytes at the front of the input to `batch`. Returns the step that ended it:
  // need_more, end or failed.
  http::h1::BodyReader::Step take_body(ByteQueue& batch) noexcept;

  // Body framing of what we send.
  void frame_body(ByteQueue& data, End end, const http::HeaderMap* trailers) noexcept;

  net::EventLoop& loop_;
  std::unique_ptr<net::Transport> transport_;
  ByteQueue out_;
  http::h1::BodyReader reader_;
  ChunkRef in_chunk_;
  uint32_t in_begin_ = 0;
  uint32_t in_end_ = 0;
  size_t unreleased_ = 0;   // body bytes delivered and not yet released
  size_t body_unsent_ = 0;  // body bytes in out_
  http::Framing out_framing_ = http::Framing::none;
  bool readable_ = false;
  bool writable_ = false;
  bool hangup_ = false;  // the peer's FIN (or more) is known: read until it is reached
  bool input_ended_ = false;
  bool closed_ = false;
  bool connecting_ = false;

 private:
  std::span<char> input_room() noexcept;
  void flush() noexcept;
};

}  // namespace pingap::session

// A client connection speaking HTTP/1.1: one request at a time, answers in order. Worker.
// Created on accept, owned by itself until close_connection() hands it to the loop.
//
//   reading:  head -> body -> waiting -> head ...        writing:  none -> body -> done
//               |       |        +-> tunnel (101)
//               |       +-> drain (answered before the body was read) -> head
//               +-> waiting (refused) -> linger (FIN sent, input thrown away) -> closed
#pragma once

#include <cstdint>

#include "base/slab.h"
#include "net/timer.h"
#include "session/body_rate.h"
#include "session/h1_connection.h"
#include "session/server_session.h"
#include "session/session.h"

namespace pingap::session {

class H1ServerSession final : public H1Connection,
                              public http::ServerStream,
                              public ServerSession,
                              public Pooled<H1ServerSession> {
 public:
  H1ServerSession(net::EventLoop& loop, std::unique_ptr<net::Transport> transport, const Peer& peer,
                  const ServerSettings& settings, RequestAcceptor& acceptor) noexcept;

  // ServerSession
  bool start() noexcept override;
  void drain() noexcept override;
  void drain_gently() noexcept override;
  void serve_one() noexcept override;
  void abort() noexcept override;

  Speaks speaks() const noexcept override { return Speaks::http1; }

  bool waiting() const noexcept override {
    return sink_ == nullptr && !closed_ && reading_ == Reading::head && !partial_head_;
  }

  int fd() const noexcept override { return transport_ ? transport_->fd() : -1; }

  uint32_t requests() const noexcept { return requests_; }

  // http::ServerStream
  void send_head(http::ResponseHead& head, End end) noexcept override;
  void send_interim(const http::ResponseHead& head) noexcept override;
  bool unsend() noexcept override;
  void send_body(ByteQueue& data, End end) noexcept override;
  void send_trailers(const http::HeaderMap& trailers) noexcept override;
  void release_window(size_t bytes) noexcept override;

  void receive_by(Pipe& pipe) noexcept override { read_by(pipe); }

  bool can_send_piped() const noexcept override { return can_write_piped(); }

  void send_piped(Pipe& pipe, size_t bytes, End end) noexcept override;
  void reset(ErrorCode why) noexcept override;

 private:
  enum class Reading : uint8_t { head, body, waiting, tunnel, drain, linger };
  enum class Writing : uint8_t { none, body, done };

  bool wants_input() const noexcept override;
  void on_input() noexcept override;
  bool in_body() const noexcept override;
  void on_body_read(const http::h1::BodyReader::Step& step, ByteQueue& data) noexcept override;
  void on_body_piped(size_t bytes, End end) noexcept override;
  void on_input_end() noexcept override;
  void on_failure(int error) noexcept override;
  void on_write_failure(int error) noexcept override;
  void on_output(size_t bytes) noexcept override;
  void after_output() noexcept override;

  bool read_head() noexcept;  // false: wait for more
  bool is_h2(std::string_view bytes) noexcept;
  void start_request(http::RequestHead& head, size_t consumed) noexcept;
  bool note_body(size_t bytes) noexcept;
  void end_body(ByteQueue& data) noexcept;
  void discard_body() noexcept;
  void discard_rest() noexcept;
  void refuse(ErrorCode why) noexcept;
  bool settle_keep_alive(const http::ResponseHead& head) const noexcept;
  void watch_writing() noexcept;
  void finish_writing() noexcept;
  void finish_exchange() noexcept;
  void next_request() noexcept;
  void linger() noexcept;
  void fail(const Error& why) noexcept;
  void close() noexcept;
  void on_read_timer() noexcept;
  void on_write_timer() noexcept;

  void arm_read(Duration after) noexcept { loop_.arm(read_timer_, after); }

  RequestAcceptor& acceptor_;
  http::RequestSink* sink_ = nullptr;
  net::Timer read_timer_{Callback<void()>::of<&H1ServerSession::on_read_timer>(this)};
  net::Timer write_timer_{Callback<void()>::of<&H1ServerSession::on_write_timer>(this)};
  Reading reading_ = Reading::head;
  Writing writing_ = Writing::none;
  http::Version version_ = http::Version::http11;  // of the current request
  bool head_request_ = false;                      // its method is HEAD
  bool keep_alive_ = true;                         // after the current exchange
  bool refused_ = false;                           // the input cannot be trusted any more
  bool draining_ = false;                          // close after the current exchange
  bool promised_ = false;  // draining, but a keep-alive that was promised is kept once
  bool expects_continue_ = false;
  uint32_t requests_ = 0;
  bool answering_ = false;    // bytes of the answer were written since the body was last waited for
  bool head_unsent_ = false;  // nothing of the queued response has been written
  uint64_t drained_ = 0;      // bytes thrown away
  BodyRate rate_;
  uint64_t written_mark_ = 0;  // bytes written since the write timer was armed
};

}  // namespace pingap::session

// A client connection speaking HTTP/2 (RFC 9113): many requests at once. Framing and HPACK are
// nghttp2's; what a request may cost, and when bytes move, is ours. Worker.
//
//   on_io -> receive -> nghttp2 -> callbacks -> H2ServerStream -> its sink
//   sink -> H2ServerStream -> nghttp2 queues -> flush (once per event) -> one write
//
// Frames are made only while there is room in out_: a client that does not read holds no more of
// us than that and the windows of its streams.
#pragma once

#include <cstdint>
#include <memory>

#include "base/byte_queue.h"
#include "base/slab.h"
#include "http/h2/budget.h"
#include "http/h2/request_builder.h"
#include "net/event_loop.h"
#include "net/transport.h"
#include "session/h2_server_stream.h"
#include "session/server_session.h"
#include "session/session.h"

struct nghttp2_session;

namespace pingap::session {

class H2ServerSession final : public net::IoHandler,
                              public net::Deferrable,
                              public net::Resumable,
                              public net::Retirable,
                              public ServerSession,
                              public Pooled<H2ServerSession> {
 public:
  H2ServerSession(net::EventLoop& loop, std::unique_ptr<net::Transport> transport, const Peer& peer,
                  const ServerSettings& settings, RequestAcceptor& acceptor) noexcept;
  ~H2ServerSession() override;

  // The descriptor may be with the loop already, for somebody else: it is ours from now on.
  bool start() noexcept override;
  // What was read before it was known to be HTTP/2. After start().
  void take_input(std::string_view bytes) noexcept;

  void drain() noexcept override;
  void serve_one() noexcept override;
  void abort() noexcept override;
  bool waiting() const noexcept override;

  int fd() const noexcept override { return transport_ ? transport_->fd() : -1; }

  // net
  void on_io(net::IoEvents ready) noexcept override;
  void on_deferred() noexcept override;
  void on_resume() noexcept override;

  // For its streams:
  net::EventLoop& loop() noexcept { return loop_; }

  const ServerSettings& settings() const noexcept { return settings_; }

  nghttp2_session* framing() noexcept { return framing_; }

  void flush_later() noexcept { loop_.defer(*this); }

  ByteQueue& output() noexcept { return out_; }

  bool has_room() const noexcept;
  void on_stream_gone(H2ServerStream& stream) noexcept;

 private:
  friend struct H2ServerCallbacks;

  bool start_framing() noexcept;
  void receive() noexcept;
  bool feed(std::string_view bytes) noexcept;
  void flush() noexcept;
  void close_if_over() noexcept;
  void end_streams(const Error& why) noexcept;
  void close(const Error& why) noexcept;
  void on_read_timer() noexcept;
  void on_write_timer() noexcept;
  void on_drain_timer() noexcept;
  void watch_reading() noexcept;

  // What nghttp2 tells; false ends the connection.
  bool on_begin_headers(int32_t id, bool request) noexcept;
  void on_field(std::string_view name, std::string_view value) noexcept;
  void on_headers(H2ServerStream& stream, End end, bool request) noexcept;
  void charge_control() noexcept;
  void charge_reset() noexcept;
  void calm_down() noexcept;

  net::EventLoop& loop_;
  std::unique_ptr<net::Transport> transport_;
  const ServerSettings& settings_;
  RequestAcceptor& acceptor_;
  nghttp2_session* framing_ = nullptr;
  IntrusiveList<H2ServerStream, H2StreamTag> streams_;
  std::unique_ptr<http::h2::RequestBuilder> fields_;  // of the header block that is being read
  ChunkRef in_chunk_;                                 // what nghttp2 is reading
  ByteQueue out_;
  http::h2::TokenBucket control_;
  http::h2::TokenBucket resets_;
  net::Timer read_timer_{Callback<void()>::of<&H2ServerSession::on_read_timer>(this)};
  net::Timer write_timer_{Callback<void()>::of<&H2ServerSession::on_write_timer>(this)};
  net::Timer drain_timer_{Callback<void()>::of<&H2ServerSession::on_drain_timer>(this)};
  bool readable_ = false;
  bool writable_ = false;
  bool input_ended_ = false;
  bool one_more_ = false;  // accepted while draining: no new stream behind the first
  bool draining_ = false;
  bool ending_ = false;     // GOAWAY for good is queued: what still comes is not looked at
  bool lingering_ = false;  // our FIN is out; input is thrown away
  bool closed_ = false;
};

}  // namespace pingap::session

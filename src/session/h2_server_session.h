// A client connection speaking HTTP/2 (RFC 9113): many requests at once. Frames are the framer's;
// what a request may cost, and when bytes move, is decided here. Worker.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/slab.h"
#include "http/h2/request_builder.h"
#include "session/h2_connection.h"
#include "session/h2_server_stream.h"
#include "session/server_session.h"
#include "session/session.h"

namespace pingap::session {

class H2ServerSession final : public H2Connection,
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

  Speaks speaks() const noexcept override { return Speaks::http2; }

  bool waiting() const noexcept override;

  uint32_t glitches() const noexcept override { return guard_.charged(); }

  int fd() const noexcept override { return transport_ ? transport_->fd() : -1; }

  // For its streams:
  // Bytes of bodies among those that were framed.
  uint64_t body_framed() const noexcept { return body_framed_; }

  void on_body_framed(size_t bytes) noexcept { body_framed_ += bytes; }

 private:
  Duration write_timeout() const noexcept override { return settings().write_timeout; }

  void on_input_end(int error) noexcept override;
  void on_written(size_t bytes) noexcept override;
  void on_write_failed(int error) noexcept override;
  void after_flush() noexcept override;
  void on_failed(ErrorCode why) noexcept override;
  void end_streams(const Error& why) noexcept;
  void end_sent_streams() noexcept;
  void close(const Error& why) noexcept;
  void wind_down() noexcept;
  void on_read_timer() noexcept;
  void on_write_timer() noexcept override;
  void on_drain_timer() noexcept;
  void on_settings_timer() noexcept;
  void watch_reading() noexcept override;

  // http::h2::FramerEvents: h2_server_events.cc
  void on_frame(const http::h2::FrameHeader& header) noexcept override;
  http::h2::FramedStream& on_request(int32_t id) noexcept override;
  void on_head_begun(http::h2::FramedStream& stream) noexcept override;
  void on_field(const http::hpack::DecodedField& field) noexcept override;
  void on_head(http::h2::FramedStream& stream, Section section, End end) noexcept override;
  void on_malformed_head(http::h2::FramedStream& stream) noexcept override;
  void on_body(http::h2::FramedStream& stream, std::string_view bytes) noexcept override;
  void on_body_end(http::h2::FramedStream& stream) noexcept override;
  void on_reset(http::h2::FramedStream* stream, http::h2::Code code) noexcept override;
  void on_window_update(uint32_t increment, int64_t window) noexcept override;

  void on_settings() noexcept override {}

  void on_settings_ack() noexcept override;

  void on_ping() noexcept override {}

  void on_goaway() noexcept override {}

  void on_framed(http::h2::FramedStream& stream, size_t bytes) noexcept override;
  void on_end_sent(http::h2::FramedStream& stream) noexcept override;
  void on_reset_sent(http::h2::FramedStream* stream, http::h2::Code code) noexcept override;
  void on_stream_closed(http::h2::FramedStream& stream, http::h2::Code code) noexcept override;

  ErrorCode judge_headers(int32_t id) noexcept;
  ErrorCode judge_reset(const H2ServerStream* stream, http::h2::Code code) noexcept;
  void begin_request(H2ServerStream& stream, http::h2::RequestBuilder& fields, End end) noexcept;
  void tell(ErrorCode why) noexcept;

  RequestAcceptor& acceptor_;
  IntrusiveList<H2ServerStream, H2StreamTag> streams_;
  // Answered, but the last bytes are still in out_; in the order in which they will leave.
  IntrusiveList<H2ServerStream, H2StreamTag> sent_streams_;
  std::unique_ptr<http::h2::RequestBuilder> fields_;  // of the header block that is being read
  uint64_t body_framed_ = 0;
  uint32_t requests_ = 0;
  net::Timer read_timer_{Callback<void()>::of<&H2ServerSession::on_read_timer>(this)};
  net::Timer drain_timer_{Callback<void()>::of<&H2ServerSession::on_drain_timer>(this)};
  net::Timer settings_timer_{Callback<void()>::of<&H2ServerSession::on_settings_timer>(this)};
  // What read_timer_ runs for: `first` until a head is there, counted from the connection.
  enum class Watch : uint8_t { first, head, idle, nothing } watch_ = Watch::first;
  bool input_ended_ = false;
  bool one_more_ = false;  // accepted while draining: no new stream behind the first
  bool draining_ = false;
  bool winding_down_ = false;  // the first GOAWAY is out
};

}  // namespace pingap::session

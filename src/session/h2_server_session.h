// A client connection speaking HTTP/2 (RFC 9113): many requests at once. Framing and HPACK are
// nghttp2's; what a request may cost, and when bytes move, is ours. Worker.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

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
  bool waiting() const noexcept override;

  uint32_t glitches() const noexcept override { return guard_.charged(); }

  int fd() const noexcept override { return transport_ ? transport_->fd() : -1; }

  // For its streams:
  // Bytes of bodies among those that were framed.
  uint64_t body_framed() const noexcept { return body_framed_; }

  void on_body_framed(size_t bytes) noexcept { body_framed_ += bytes; }

 private:
  friend struct H2ServerCallbacks;

  static nghttp2_option* make_server_options() noexcept;
  bool start_framing() noexcept;

  Duration write_timeout() const noexcept override { return settings().write_timeout; }

  void on_input_end(int error) noexcept override;
  void on_written(size_t bytes) noexcept override;
  void on_write_failed(int error) noexcept override;
  void on_framing_failed() noexcept override;
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

  // What nghttp2 tells.
  void on_begin_headers(int32_t id, bool request) noexcept;
  void on_field(std::string_view name, std::string_view value) noexcept;
  void on_headers(H2ServerStream& stream, End end, bool request) noexcept;
  void on_malformed_headers(H2ServerStream& stream) noexcept;
  void on_settings_ack() noexcept;
  void on_goaway_sent(uint32_t code) noexcept;
  void on_stream_closed(H2ServerStream& stream, uint32_t code) noexcept;
  void on_priority_update(int32_t id) noexcept;
  void set_priority(const H2ServerStream& stream, bool said) noexcept;
  void tell(ErrorCode why) noexcept;

  RequestAcceptor& acceptor_;
  IntrusiveList<H2ServerStream, H2StreamTag> streams_;
  // Answered, but the last bytes are still in out_; in the order in which they will leave.
  IntrusiveList<H2ServerStream, H2StreamTag> sent_streams_;
  std::unique_ptr<http::h2::RequestBuilder> fields_;  // of the header block that is being read
  std::vector<int32_t> prioritized_;  // streams to come that PRIORITY_UPDATE has named
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

// A connection to a backend speaking HTTP/2 (RFC 9113): many requests at once. Worker.
//
//   connecting -> open: streams come and go -> closed
//                   |  GOAWAY, refusals, silence: no new streams, for a while or for good
//                   +-> idle: closed after idle_timeout
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/slab.h"
#include "http/h2/response_builder.h"
#include "session/client_session.h"
#include "session/h2_client_stream.h"
#include "session/h2_connection.h"
#include "session/session.h"

namespace pingap::session {

class H2ClientSession final : public H2Connection,
                              public ClientSession,
                              public Pooled<H2ClientSession> {
 public:
  // `max_streams`: at once, at most; the peer may want fewer.
  H2ClientSession(net::EventLoop& loop, std::unique_ptr<net::Transport> transport,
                  const ClientSettings& settings, ClientSessionOwner& owner,
                  uint32_t max_streams) noexcept;
  ~H2ClientSession() override;

  // Registers with the loop; false when that failed (then delete it). `connecting`: the socket's
  // connect is under way; what is sent before waits.
  bool start(bool connecting) noexcept;

  http::ClientStream& open(http::ResponseSink& sink,
                           const ClientSettings& settings) noexcept override;
  void close() noexcept override;
  // No new streams; closes when the last one has ended.
  void drain() noexcept;

  // A stream can be opened now. Where the backend has been silent for long it is asked whether it
  // is still there, and until it says so the answer is no.
  bool takes_new() noexcept;

  // All streams that may be at once are; there is one to be had again when the owner is told.
  bool full() const noexcept { return count_ >= limit(); }

  // How many streams may be at once, as far as is known.
  uint32_t limit() const noexcept;

  // The same, for as long as the peer has not said it.
  void expect_limit(uint32_t streams) noexcept { expected_limit_ = streams; }

  // It never will take new streams again.
  bool leaving() const noexcept;

  bool idle() const noexcept { return count_ == 0; }

  bool connecting() const noexcept { return connecting_; }

  // Static text, may be null.
  const char* detail() const noexcept { return detail_; }

  // Of the requests.
  std::string_view scheme() const noexcept { return transport_->secure() ? "https" : "http"; }

  // The peer has said what it allows.
  bool has_settings() const noexcept { return framer_.peer().said; }

  // The peer serves extended CONNECT (RFC 8441 3).
  bool allows_extended_connect() const noexcept;

  void on_io(net::IoEvents ready) noexcept override;

  // For its streams:
  uint64_t taken() const noexcept { return taken_; }

  TimePoint taken_at() const noexcept { return taken_at_; }

  // The stream is destroyed.
  void on_stream_gone(H2ClientStream& stream) noexcept;
  // It waited in vain, on a connection that said nothing either.
  void on_stream_timeout() noexcept;

 private:
  void on_connect_ready() noexcept;
  void for_each_stream(void (*tell)(H2ClientStream&)) noexcept;

  Duration write_timeout() const noexcept override { return write_timeout_; }

  void on_input_end(int error) noexcept override;
  void on_written(size_t bytes) noexcept override;
  void on_write_failed(int error) noexcept override;
  void after_flush() noexcept override;
  void on_write_timer() noexcept override;
  void watch_reading() noexcept override;
  void on_read_timer() noexcept;
  void look_again() noexcept;
  void note_request() noexcept;
  void forget(H2ClientStream& stream) noexcept;
  void end_streams(ErrorCode code, int error) noexcept;
  void close(ErrorCode code, int error) noexcept;
  void say_goodbye() noexcept;

  // http::h2::FramerEvents: h2_client_events.cc
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
  void on_settings() noexcept override;
  void on_settings_ack() noexcept override;
  void on_ping() noexcept override;
  void on_goaway() noexcept override;
  void on_framed(http::h2::FramedStream& stream, size_t bytes) noexcept override;
  void on_end_sent(http::h2::FramedStream& stream) noexcept override;
  void on_reset_sent(http::h2::FramedStream* stream, http::h2::Code code) noexcept override;
  void on_stream_closed(http::h2::FramedStream& stream, http::h2::Code code) noexcept override;

  void take_answer(H2ClientStream& stream, http::h2::ResponseBuilder& fields, End end) noexcept;

  ClientSessionOwner& owner_;
  const uint32_t max_streams_;
  const Duration connect_timeout_;
  const Duration write_timeout_;
  const Duration idle_timeout_;
  uint32_t expected_limit_;
  uint32_t count_ = 0;  // streams, those included whose end the backend does not know yet
  IntrusiveList<H2ClientStream, H2ClientStreamTag> streams_;
  std::unique_ptr<http::h2::ResponseBuilder> fields_;  // of the header block that is being read
  uint64_t heard_ = 0;                                 // of received_, when last looked
  TimePoint taken_at_{};
  TimePoint asked_at_{};       // first request since the backend was last heard; 0: none
  TimePoint refused_until_{};  // it wants no new streams
  net::Timer read_timer_{Callback<void()>::of<&H2ClientSession::on_read_timer>(this)};
  const char* detail_ = nullptr;  // of why there is no connection
  bool told_settings_ = false;    // the streams that wait for them
  bool pinged_ = false;           // since the backend was last heard
  bool leaving_ = false;          // no new streams, for good
  bool was_full_ = false;         // since the owner was told that there is room
  bool changed_ = false;          // something that may make room, or the end
  bool ended_ = false;            // a stream
};

}  // namespace pingap::session

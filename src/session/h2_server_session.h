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
#include <vector>

#include "base/byte_queue.h"
#include "base/slab.h"
#include "http/h2/flood_guard.h"
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

  // Bytes that were ever put into output().
  uint64_t framed() const noexcept { return written_ + out_.size(); }

  // Bytes of bodies among them.
  uint64_t body_framed() const noexcept { return body_framed_; }

  void on_body_framed(size_t bytes) noexcept { body_framed_ += bytes; }

  bool has_room() const noexcept;

 private:
  friend struct H2ServerCallbacks;

  bool start_framing() noexcept;
  void receive() noexcept;
  bool feed(std::string_view bytes) noexcept;
  void flush() noexcept;
  void close_if_over() noexcept;
  void end_streams(const Error& why) noexcept;
  void end_sent_streams() noexcept;
  void close(const Error& why) noexcept;
  void wind_down() noexcept;
  void on_read_timer() noexcept;
  void on_write_timer() noexcept;
  void on_drain_timer() noexcept;
  void on_settings_timer() noexcept;
  void watch_reading() noexcept;

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

  // Ends the connection with GOAWAY where `why` is an error; false then.
  bool check(ErrorCode why) noexcept;
  void fail(ErrorCode why, uint32_t code) noexcept;
  void tell(ErrorCode why) noexcept;

  net::EventLoop& loop_;
  std::unique_ptr<net::Transport> transport_;
  const ServerSettings& settings_;
  RequestAcceptor& acceptor_;
  nghttp2_session* framing_ = nullptr;
  IntrusiveList<H2ServerStream, H2StreamTag> streams_;
  // Answered, but the last bytes are still in out_; in the order in which they will leave.
  IntrusiveList<H2ServerStream, H2StreamTag> sent_streams_;
  std::unique_ptr<http::h2::RequestBuilder> fields_;  // of the header block that is being read
  std::vector<int32_t> prioritized_;  // streams to come that PRIORITY_UPDATE has named
  ChunkRef in_chunk_;                 // what nghttp2 is reading
  ByteQueue out_;
  uint64_t written_ = 0;       // bytes that have left out_
  uint64_t written_mark_ = 0;  // of these when the write timer was armed
  uint64_t body_framed_ = 0;
  http::h2::FloodGuard guard_;
  uint32_t requests_ = 0;
  net::Timer read_timer_{Callback<void()>::of<&H2ServerSession::on_read_timer>(this)};
  net::Timer write_timer_{Callback<void()>::of<&H2ServerSession::on_write_timer>(this)};
  net::Timer drain_timer_{Callback<void()>::of<&H2ServerSession::on_drain_timer>(this)};
  net::Timer settings_timer_{Callback<void()>::of<&H2ServerSession::on_settings_timer>(this)};
  // What read_timer_ runs for: `first` until a head is there, counted from the connection.
  enum class Watch : uint8_t { first, head, idle, nothing } watch_ = Watch::first;
  bool readable_ = false;
  bool writable_ = false;
  bool input_ended_ = false;
  bool one_more_ = false;  // accepted while draining: no new stream behind the first
  bool draining_ = false;
  bool winding_down_ = false;  // the first GOAWAY is out
  bool ending_ = false;        // GOAWAY for good is queued: what still comes is not looked at
  bool lingering_ = false;     // our FIN is out; input is thrown away
  bool closed_ = false;
};

}  // namespace pingap::session

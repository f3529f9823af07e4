// A connection to a backend speaking HTTP/1.1: one request at a time, kept for further ones.
// Worker. Owned by itself until close_connection(); a ClientSessionOwner keeps the idle ones.
//
//   connecting -> idle <-> head -> body -> (response over, request over) -> idle or closed
//                            +-> tunnel (101)
#pragma once

#include <cstdint>

#include "base/slab.h"
#include "net/address.h"
#include "net/timer.h"
#include "session/client_session.h"
#include "session/h1_connection.h"
#include "session/session.h"

namespace pingap::session {

class H1ClientSession final : public H1Connection,
                              public http::ClientStream,
                              public ClientSession,
                              public Pooled<H1ClientSession> {
 public:
  H1ClientSession(net::EventLoop& loop, std::unique_ptr<net::Transport> transport,
                  const ClientSettings& settings, ClientSessionOwner& owner) noexcept;

  // Registers with the loop; false when that failed (then delete it). `connecting`: the socket's
  // connect is under way; what is sent before waits.
  bool start(bool connecting) noexcept;

  // Between two requests.
  void set_settings(const ClientSettings& settings) noexcept { settings_ = &settings; }

  // Bytes in front of the first request. Before open(); they leave with its head.
  void send_opening(std::string_view bytes) noexcept { out_.append(bytes); }

  // ClientSession. Takes the connection for one request, only while idle or connecting.
  http::ClientStream& open(http::ResponseSink& sink,
                           const ClientSettings& settings) noexcept override;
  void close() noexcept override;

  // http::ClientStream
  void send_head(const http::RequestHead& head, End end) noexcept override;
  void send_body(ByteQueue& data, End end) noexcept override;
  void send_trailers(const http::HeaderMap& trailers) noexcept override;
  void release_window(size_t bytes) noexcept override;

  void receive_by(Pipe& pipe) noexcept override { read_by(pipe); }

  bool can_send_piped() const noexcept override { return can_write_piped(); }

  void send_piped(Pipe& pipe, size_t bytes, End end) noexcept override;
  void reset(ErrorCode why) noexcept override;

 private:
  enum class Reading : uint8_t { idle, head, body, tunnel, done };

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
  void on_connect_ready() noexcept override;

  bool read_head() noexcept;  // false: wait for more, or closed
  void read_final_head(http::ResponseHead& head) noexcept;
  void end_body(ByteQueue& data) noexcept;
  void give_back_lost() noexcept;
  void end_request() noexcept;
  void end_response() noexcept;
  void finish() noexcept;
  void learn_idle_timeout(const http::HeaderMap& headers) noexcept;
  void fail(ErrorCode code, int error, const char* detail = nullptr) noexcept;
  // All we have of the request is sent and the client is to send the rest: its own deadlines hold.
  bool awaits_request() const noexcept;
  void on_read_timer() noexcept;
  void on_write_timer() noexcept;
  void watch_writing() noexcept;

  const ClientSettings* settings_;
  ClientSessionOwner& owner_;
  http::ResponseSink* sink_ = nullptr;
  net::Timer read_timer_{Callback<void()>::of<&H1ClientSession::on_read_timer>(this)};
  net::Timer write_timer_{Callback<void()>::of<&H1ClientSession::on_write_timer>(this)};
  Duration idle_timeout_;
  uint64_t sent_ = 0;  // bytes of the current request that the socket took
  http::Method method_ = http::Method::get;
  Reading reading_ = Reading::idle;
  bool head_seen_ = false;  // a byte of the response has arrived
  bool request_over_ = false;
  bool keep_alive_ = true;     // after the current exchange
  bool websocket_ = false;     // the request asked for it
  bool write_failed_ = false;  // the backend stopped reading; its answer may still come
};

}  // namespace pingap::session

// One request with its response on an HTTP/2 connection, the client's side. Worker. Made with its
// HEADERS, destroyed when the framer says that it is closed and its last byte has left.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/byte_queue.h"
#include "base/intrusive_list.h"
#include "base/slab.h"
#include "http/h2/framed_stream.h"
#include "http/head.h"
#include "http/stream.h"
#include "net/timer.h"
#include "session/body_rate.h"
#include "session/session.h"

namespace pingap::session {

class H2ServerSession;
struct H2StreamTag;

class H2ServerStream final : public http::ServerStream,
                             public http::h2::FramedStream,
                             public ListHook<H2StreamTag>,
                             public Pooled<H2ServerStream> {
 public:
  H2ServerStream(H2ServerSession& session, int32_t id) noexcept;
  ~H2ServerStream();

  // The response is under way or to come.
  bool busy() const noexcept { return sink_ != nullptr; }

  bool blameless() const noexcept { return blameless_; }

  // http::ServerStream
  void send_head(http::ResponseHead& head, End end) noexcept override;
  void send_interim(const http::ResponseHead& head) noexcept override;

  bool unsend() noexcept override { return false; }

  void send_body(ByteQueue& data, End end) noexcept override;
  void send_trailers(const http::HeaderMap& trailers) noexcept override;
  void release_window(size_t bytes) noexcept override;
  void reset(ErrorCode why) noexcept override;

  // From the session:
  void on_head(http::RequestHead& head, End end, http::RequestSink& sink) noexcept;
  void on_refused(ErrorCode why, const http::RequestHead& head, std::string_view first_line,
                  End end, http::RequestSink& sink) noexcept;
  // Neither head nor trailers were what they have to be: the stream is being reset.
  void on_malformed(ErrorCode why, std::string_view head, RequestAcceptor& acceptor) noexcept;
  void on_data(const ChunkRef& chunk, size_t begin, size_t end) noexcept;
  void on_end() noexcept;
  void on_trailers(http::HeaderMap& trailers) noexcept;
  // They are more than there may be, or nothing that may come.
  void refuse_trailers() noexcept;

  // RST_STREAM came.
  void on_reset() noexcept { reset_by_client_ = true; }

  // Why the stream is over that was closed with this code.
  Error why_closed(http::h2::Code code) const noexcept;
  void on_closed(const Error& why) noexcept;
  // `bytes` of the response have become a frame.
  void on_framed(size_t bytes) noexcept;
  // The end of the response has left for the output.
  void on_response_sent() noexcept;

  // Where its last frame ends in what the connection writes.
  uint64_t last_byte() const noexcept { return last_byte_; }

  void set_last_byte(uint64_t offset) noexcept { last_byte_ = offset; }

 private:
  // Bytes of a client that may become those of a tunnel are kept until it is one: behind a refusal
  // they are nobody's (security.md 1D).
  enum class Tunnel : uint8_t { none, asked, open, refused };

  void settle_tunnel(const http::ResponseHead& head) noexcept;
  bool window_is_shut() const noexcept;
  void watch_body() noexcept;
  void watch_writing() noexcept;
  void refuse(ErrorCode why) noexcept;
  void on_body_timer() noexcept;
  void on_write_timer() noexcept;

  H2ServerSession& session_;
  http::RequestSink* sink_ = nullptr;
  ByteQueue early_;  // received while a tunnel is asked for
  Tunnel tunnel_ = Tunnel::none;
  size_t written_mark_ = 0;    // bytes framed since the write timer was armed
  size_t answer_mark_ = 0;     // and since the body timer has last looked
  uint64_t session_mark_ = 0;  // what the connection had framed of bodies then
  BodyRate rate_;
  bool begun_ = false;     // an exchange knows of it
  bool bodiless_ = false;  // it is the answer to HEAD
  bool request_over_ = false;
  bool streams_ = false;    // a call of gRPC: messages come when the program has some
  bool answering_ = false;  // the head of the response was given to us
  bool refused_ = false;    // what comes of the request is thrown away
  bool response_sent_ = false;
  bool reset_by_client_ = false;
  bool blameless_ = false;  // it is reset for what the client has not done
  uint64_t last_byte_ = 0;  // of the response, among the bytes of the connection's output
  net::Timer body_timer_{Callback<void()>::of<&H2ServerStream::on_body_timer>(this)};
  net::Timer write_timer_{Callback<void()>::of<&H2ServerStream::on_write_timer>(this)};
};

}  // namespace pingap::session

// One request with its response on an HTTP/2 connection, the client's side. Worker. Owned by
// nghttp2's idea of the stream: made with its HEADERS, destroyed when that says it is closed.
#pragma once

#include <cstdint>

#include "base/byte_queue.h"
#include "base/intrusive_list.h"
#include "base/slab.h"
#include "http/head.h"
#include "http/stream.h"
#include "net/timer.h"
#include "session/h2_stream.h"

namespace pingap::session {

class H2ServerSession;
struct H2StreamTag;

class H2ServerStream final : public http::ServerStream,
                             public H2Stream,
                             public ListHook<H2StreamTag>,
                             public Pooled<H2ServerStream> {
 public:
  H2ServerStream(H2ServerSession& session, int32_t id) noexcept;
  ~H2ServerStream();

  // The response is under way or to come.
  bool busy() const noexcept { return sink_ != nullptr; }

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
  void on_refused(ErrorCode why, http::RequestSink& sink) noexcept;
  void on_data(const ChunkRef& chunk, size_t begin, size_t end) noexcept;
  void on_end() noexcept;
  void on_trailers(http::HeaderMap& trailers) noexcept;
  void on_closed(const Error& why) noexcept;
  // The end of the response has left for the output.
  void on_response_sent() noexcept;

 private:
  // Bytes of a client that may become those of a tunnel are kept until it is one: behind a refusal
  // they are nobody's (security.md 1D).
  enum class Tunnel : uint8_t { none, asked, open, refused };

  void settle_tunnel(const http::ResponseHead& head) noexcept;
  void on_framed(size_t bytes) noexcept override;
  void watch_body() noexcept;
  void watch_writing() noexcept;
  void on_body_timer() noexcept;
  void on_write_timer() noexcept;

  H2ServerSession& session_;
  http::RequestSink* sink_ = nullptr;
  ByteQueue early_;          // received while a tunnel is asked for
  size_t written_mark_ = 0;  // bytes framed since the write timer was armed
  Tunnel tunnel_ = Tunnel::none;
  bool request_over_ = false;
  net::Timer body_timer_{Callback<void()>::of<&H2ServerStream::on_body_timer>(this)};
  net::Timer write_timer_{Callback<void()>::of<&H2ServerStream::on_write_timer>(this)};
};

}  // namespace pingap::session

// One request with its response on an HTTP/2 connection, the client's side. Worker. Owned by
// nghttp2's idea of the stream: made with its HEADERS, destroyed when that says it is closed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/byte_queue.h"
#include "base/intrusive_list.h"
#include "base/slab.h"
#include "http/head.h"
#include "http/stream.h"
#include "net/timer.h"

namespace pingap::session {

class H2ServerSession;
struct H2StreamTag;

class H2ServerStream final : public http::ServerStream,
                             public ListHook<H2StreamTag>,
                             public Pooled<H2ServerStream> {
 public:
  H2ServerStream(H2ServerSession& session, int32_t id) noexcept : session_(session), id_(id) {}

  H2ServerStream(const H2ServerStream&) = delete;
  H2ServerStream& operator=(const H2ServerStream&) = delete;
  ~H2ServerStream();

  int32_t id() const noexcept { return id_; }

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

  // Body for a DATA frame: how many bytes there are, and the frame itself.
  struct Piece {
    size_t size = 0;
    bool wait = false;      // nothing now, more later
    bool end = false;       // the last bytes
    bool trailers = false;  // which trailers follow
  };

  Piece next_piece(size_t most) noexcept;
  void write_frame(std::string_view frame_header, size_t bytes) noexcept;
  void submit_trailers() noexcept;

 private:
  // Bytes of a client that may become those of a tunnel are kept until it is one: behind a refusal
  // they are nobody's (security.md 1D).
  enum class Tunnel : uint8_t { none, asked, open, refused };

  void settle_tunnel(const http::ResponseHead& head) noexcept;
  void finish() noexcept;
  void wake() noexcept;
  void watch_body() noexcept;
  void watch_writing() noexcept;
  void on_body_timer() noexcept;
  void on_write_timer() noexcept;

  H2ServerSession& session_;
  const int32_t id_;
  http::RequestSink* sink_ = nullptr;
  ByteQueue out_;    // body to be framed
  ByteQueue early_;  // received while a tunnel is asked for
  std::vector<std::pair<std::string, std::string>> trailers_;
  size_t written_mark_ = 0;  // bytes framed since the write timer was armed
  Tunnel tunnel_ = Tunnel::none;
  bool request_over_ = false;
  bool head_sent_ = false;
  bool response_over_ = false;  // the sink has sent the end
  bool reset_ = false;
  net::Timer body_timer_{Callback<void()>::of<&H2ServerStream::on_body_timer>(this)};
  net::Timer write_timer_{Callback<void()>::of<&H2ServerStream::on_write_timer>(this)};
};

}  // namespace pingap::session

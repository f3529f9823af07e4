// One request with its response on an HTTP/2 connection, the backend's side. Worker. Owned by its
// session: made by open(), destroyed when the framer says that it is closed, or when it was given
// up before it had begun.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/byte_queue.h"
#include "base/intrusive_list.h"
#include "base/slab.h"
#include "http/h2/framed_stream.h"
#include "http/h2/head_fields.h"
#include "http/head.h"
#include "http/stream.h"
#include "net/timer.h"
#include "session/session.h"

namespace pingap::session {

class H2ClientSession;
struct H2ClientStreamTag;

class H2ClientStream final : public http::ClientStream,
                             public http::h2::FramedStream,
                             public ListHook<H2ClientStreamTag>,
                             public Pooled<H2ClientStream> {
 public:
  H2ClientStream(H2ClientSession& session, http::ResponseSink& sink,
                 const ClientSettings& settings) noexcept;
  ~H2ClientStream();

  // http::ClientStream
  void send_head(const http::RequestHead& head, End end) noexcept override;
  void send_body(ByteQueue& data, End end) noexcept override;
  void send_trailers(const http::HeaderMap& trailers) noexcept override;
  void release_window(size_t bytes) noexcept override;
  void reset(ErrorCode why) noexcept override;

  // From the session:
  http::Method method() const noexcept { return method_; }

  // The answer is whole.
  bool has_answer() const noexcept { return reading_ == Reading::done; }

  // The final head is here; what comes after it are trailers.
  bool has_head() const noexcept { return reading_ != Reading::head; }

  void on_connected() noexcept;
  // A request that has waited for the connection, and is still wanted.
  void begin_held() noexcept;
  // The backend has sent its first SETTINGS: what had to wait for them can go on. It may be
  // destroyed when this returns.
  void on_settings() noexcept;
  // `bytes` of the request have become a frame.
  void on_framed(size_t bytes) noexcept;

  void on_answer_begun() noexcept { answer_begun_ = true; }

  void on_reset_received() noexcept { reset_received_ = true; }

  void on_interim(http::ResponseHead& head) noexcept;
  void on_head(http::ResponseHead& head, End end) noexcept;
  void on_data(const ChunkRef& chunk, size_t begin, size_t end) noexcept;
  void on_end() noexcept;
  void on_trailers(http::HeaderMap& trailers) noexcept;
  // What the backend said broke a rule: tells both sides.
  void refuse(ErrorCode why) noexcept;
  // The framer has closed it; `code` as in RST_STREAM.
  void on_closed(http::h2::Code code) noexcept;
  // The connection is gone.
  void on_lost(ErrorCode why, int error) noexcept;

 private:
  enum class Reading : uint8_t { head, body, done };

  // Where the request is, or asks for, a tunnel (RFC 8441): a response of 2xx opens it.
  enum class Tunnel : uint8_t { none, asked, open };

  void submit(std::span<const http::h2::FieldView> fields) noexcept;
  void hold(std::span<const http::h2::FieldView> fields) noexcept;
  void settle_tunnel(http::ResponseHead& head, End end) noexcept;
  void submit_held() noexcept;
  void end_body() noexcept;
  void give_up(http::h2::Code code) noexcept;
  void finish(const Error& why) noexcept;
  Error error_of(ErrorCode why, int error) const noexcept;
  void fail(ErrorCode why, http::h2::Code code) noexcept;
  bool has_unsent() const noexcept;
  bool is_over() const noexcept;

  // All we have of the request is sent and the client is to send the rest: its own deadlines hold.
  bool awaits_request() const noexcept {
    return !request_over_ && unframed() == 0 && tunnel_ != Tunnel::asked;
  }

  void watch_reading() noexcept;
  void watch_writing() noexcept;
  void on_read_timer() noexcept;
  void on_write_timer() noexcept;

  H2ClientSession& session_;
  http::ResponseSink* sink_;
  const ClientSettings& settings_;
  // Of all bytes of the connection, where our HEADERS begin and where our last frame ends.
  uint64_t head_begin_ = UINT64_MAX;
  uint64_t framed_end_ = 0;
  // A head that waits for the connection, or for SETTINGS.
  std::vector<http::h2::KeptField> held_;
  ErrorCode unsent_ = ErrorCode::upstream_closed;  // why there is no stream
  Tunnel tunnel_ = Tunnel::none;
  http::Method method_ = http::Method::get;
  Reading reading_ = Reading::head;
  bool answer_begun_ = false;    // a byte of the response has arrived
  bool reset_received_ = false;  // the backend's
  bool told_connected_ = false;
  bool given_up_ = false;      // RST_STREAM is on its way
  bool request_over_ = false;  // the end was given to us
  bool has_trailers_ = false;
  net::Timer read_timer_{Callback<void()>::of<&H2ClientStream::on_read_timer>(this)};
  net::Timer write_timer_{Callback<void()>::of<&H2ClientStream::on_write_timer>(this)};
};

}  // namespace pingap::session

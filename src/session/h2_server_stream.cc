#include "session/h2_server_stream.h"

#include <array>

#include <nghttp2/nghttp2.h>

#include "http/h2/head_fields.h"
#include "http/limits.h"
#include "session/h2_server_session.h"

namespace pingap::session {
namespace {

namespace h2 = http::h2;

// A client that opens its window by less than this within write_timeout is stalled.
constexpr size_t kWriteProgress = 1024;
// Early bytes of a tunnel come in pieces of any size: shorter ones than this are copied, so that
// they do not hold the chunk that they were read into.
constexpr size_t kKeepBelow = 4 * 1024;

uint32_t code_of(ErrorCode why) noexcept {
  switch (why) {
    case ErrorCode::shutting_down:
    case ErrorCode::client_stalled:
      return NGHTTP2_CANCEL;
    case ErrorCode::bad_trailer:
      return NGHTTP2_PROTOCOL_ERROR;
    default:
      return NGHTTP2_INTERNAL_ERROR;
  }
}

}  // namespace

H2ServerStream::H2ServerStream(H2ServerSession& session, int32_t id) noexcept
    : H2Stream(session, id), session_(session) {
}

H2ServerStream::~H2ServerStream() {
  body_timer_.cancel();
  write_timer_.cancel();
}

// ---- the response ----

void H2ServerStream::send_head(http::ResponseHead& head, End end) noexcept {
  const auto nv = to_nv(h2::response_fields(head));
  const nghttp2_data_provider body = body_source();
  send_over_ = end == End::yes;
  nghttp2_submit_response(session_.framing(), id_, nv.data(), nv.size(),
                          end == End::yes ? nullptr : &body);
  session_.flush_later();
  if (tunnel_ == Tunnel::asked) {
    settle_tunnel(head);
  }
}

void H2ServerStream::settle_tunnel(const http::ResponseHead& head) noexcept {
  if (head.framing != http::Framing::tunnel) {
    tunnel_ = Tunnel::refused;
    release_window(early_.size());
    early_.clear();
    return;
  }
  tunnel_ = Tunnel::open;
  if (!early_.empty() || request_over_) {
    sink_->on_body(early_, request_over_ ? End::yes : End::no);
  }
}

void H2ServerStream::send_interim(const http::ResponseHead& head) noexcept {
  const auto nv = to_nv(h2::response_fields(head));
  nghttp2_submit_headers(session_.framing(), NGHTTP2_FLAG_NONE, id_, nullptr, nv.data(), nv.size(),
                         nullptr);
  session_.flush_later();
}

void H2ServerStream::send_body(ByteQueue& data, End end) noexcept {
  out_.move_from(data, data.size());
  send_over_ = send_over_ || end == End::yes;
  watch_writing();
  wake();
}

void H2ServerStream::send_trailers(const http::HeaderMap& trailers) noexcept {
  keep_trailers(trailers);
  send_over_ = true;
  wake();
}

void H2ServerStream::on_framed(size_t bytes) noexcept {
  written_mark_ += bytes;
  if (out_.empty()) {
    write_timer_.cancel();
  }
  if (bytes > 0 && sink_ != nullptr) {
    sink_->on_sent(bytes);
  }
}

void H2ServerStream::on_response_sent() noexcept {
  if (!request_over_ && tunnel_ != Tunnel::open) {
    // The answer is whole; the rest of the request is not missed (RFC 9113 8.1).
    nghttp2_submit_rst_stream(session_.framing(), NGHTTP2_FLAG_NONE, id_, NGHTTP2_NO_ERROR);
  }
}

void H2ServerStream::reset(ErrorCode why) noexcept {
  sink_ = nullptr;
  out_.clear();
  body_timer_.cancel();
  write_timer_.cancel();
  // The end of a connection that is no clean one is a CANCEL (RFC 8441 5).
  const bool cut = tunnel_ == Tunnel::open && why != ErrorCode::bad_trailer;
  nghttp2_submit_rst_stream(session_.framing(), NGHTTP2_FLAG_NONE, id_,
                            cut ? uint32_t{NGHTTP2_CANCEL} : code_of(why));
  session_.flush_later();
}

// ---- the request ----

void H2ServerStream::on_head(http::RequestHead& head, End end, http::RequestSink& sink) noexcept {
  sink_ = &sink;
  request_over_ = end == End::yes;
  if (head.websocket) {
    tunnel_ = Tunnel::asked;
    sink.on_head(head, End::yes);
    return;
  }
  watch_body();
  sink.on_head(head, end);
}

void H2ServerStream::on_refused(ErrorCode why, http::RequestSink& sink) noexcept {
  sink_ = &sink;
  sink.on_refused(why, {});
}

void H2ServerStream::on_data(const ChunkRef& chunk, size_t begin, size_t end) noexcept {
  if (sink_ == nullptr || tunnel_ == Tunnel::refused) {
    nghttp2_session_consume_stream(session_.framing(), id_, end - begin);
    return;
  }
  ByteQueue data;
  data.push(chunk, begin, end);
  if (tunnel_ == Tunnel::asked) {
    early_.share_from(data, kKeepBelow);  // at most a window
    return;
  }
  watch_body();
  sink_->on_body(data, End::no);
}

void H2ServerStream::on_end() noexcept {
  if (request_over_) {
    return;
  }
  request_over_ = true;
  body_timer_.cancel();
  if (sink_ != nullptr && (tunnel_ == Tunnel::none || tunnel_ == Tunnel::open)) {
    ByteQueue none;
    sink_->on_body(none, End::yes);
  }
}

void H2ServerStream::on_trailers(http::HeaderMap& trailers) noexcept {
  if (tunnel_ != Tunnel::none) {
    // Only DATA may come on it (RFC 9113 8.5).
    if (http::RequestSink* sink = std::exchange(sink_, nullptr)) {
      sink->on_closed({ErrorCode::bad_trailer, Side::downstream, Retry::never, 0, nullptr});
    }
    reset(ErrorCode::bad_trailer);
    return;
  }
  request_over_ = true;
  body_timer_.cancel();
  if (sink_ != nullptr) {
    sink_->on_trailers(trailers);
  }
}

void H2ServerStream::release_window(size_t bytes) noexcept {
  nghttp2_session_consume_stream(session_.framing(), id_, bytes);
  session_.flush_later();
}

void H2ServerStream::on_closed(const Error& why) noexcept {
  body_timer_.cancel();
  write_timer_.cancel();
  if (http::RequestSink* sink = std::exchange(sink_, nullptr)) {
    sink->on_closed(why);
  }
}

// ---- deadlines ----

void H2ServerStream::watch_body() noexcept {
  if (!request_over_ && tunnel_ == Tunnel::none) {
    session_.loop().arm(body_timer_, session_.settings().body_timeout);
  }
}

void H2ServerStream::watch_writing() noexcept {
  if (!write_timer_.armed() && !out_.empty()) {
    written_mark_ = 0;
    session_.loop().arm(write_timer_, session_.settings().write_timeout);
  }
}

void H2ServerStream::on_body_timer() noexcept {
  // The window is shut: it is the backend that does not take it. Or the answer moves meanwhile.
  if (nghttp2_session_get_stream_effective_recv_data_length(session_.framing(), id_) > 0 ||
      std::exchange(written_mark_, 0) > 0) {
    watch_body();
    return;
  }
  if (sink_ != nullptr) {
    sink_->on_refused(ErrorCode::body_timeout, {});
    session_.flush_later();
  }
}

void H2ServerStream::on_write_timer() noexcept {
  if (written_mark_ >= kWriteProgress) {
    watch_writing();
    return;
  }
  if (http::RequestSink* sink = std::exchange(sink_, nullptr)) {
    sink->on_closed({ErrorCode::client_stalled, Side::downstream, Retry::never, 0, nullptr});
  }
  reset(ErrorCode::client_stalled);
}

}  // namespace pingap::session

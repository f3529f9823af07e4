#include "session/h2_server_stream.h"

#include <utility>

#include "http/grpc.h"
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

// How a stream ends that its sink gives up; never NO_ERROR.
h2::Code code_of(ErrorCode why) noexcept {
  switch (why) {
    case ErrorCode::shutting_down:
    case ErrorCode::client_stalled:
      return h2::Code::cancel;
    case ErrorCode::bad_trailer:
      return h2::Code::protocol_error;
    default:
      return h2::Code::internal_error;
  }
}

}  // namespace

H2ServerStream::H2ServerStream(H2ServerSession& session, int32_t id) noexcept
    : FramedStream(id), session_(session) {
}

H2ServerStream::~H2ServerStream() {
  body_timer_.cancel();
  write_timer_.cancel();
}

// ---- the response ----

void H2ServerStream::send_head(http::ResponseHead& head, End end) noexcept {
  answering_ = true;
  const bool over = end == End::yes || bodiless_;
  session_.framer().send_head(*this, h2::response_fields(head), over ? End::yes : End::no);
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
  // A client that reads too slowly gets none (RFC 9110 15.2): but for the one that it waits for.
  if (head.status != 100 && session_.unsent() > http::limits::kInterimUnsent) {
    return;
  }
  session_.framer().send_head(*this, h2::response_fields(head), End::no);
  session_.flush_later();
}

void H2ServerStream::send_body(ByteQueue& data, End end) noexcept {
  if (bodiless_) {
    data.clear();
    return;
  }
  session_.framer().send_body(*this, data, end);
  session_.flush_later();
  watch_writing();
}

void H2ServerStream::send_trailers(const http::HeaderMap& trailers) noexcept {
  if (bodiless_) {
    return;
  }
  session_.framer().send_trailers(*this, trailers);
  session_.flush_later();
}

void H2ServerStream::on_framed(size_t bytes) noexcept {
  written_mark_ += bytes;
  answer_mark_ += bytes;
  session_.on_body_framed(bytes);
  if (unframed() == 0) {
    write_timer_.cancel();
  }
  if (bytes > 0 && sink_ != nullptr) {
    sink_->on_sent(bytes);
  }
}

void H2ServerStream::on_response_sent() noexcept {
  response_sent_ = true;
  if (!request_over_ && tunnel_ != Tunnel::open) {
    // The answer is whole; the rest of the request is not missed (RFC 9113 8.1).
    session_.framer().reset(*this, h2::Code::no_error);
  }
}

void H2ServerStream::reset(ErrorCode why) noexcept {
  sink_ = nullptr;
  body_timer_.cancel();
  // The end of a connection that is no clean one is a CANCEL (RFC 8441 5).
  const bool cut = tunnel_ == Tunnel::open && why != ErrorCode::bad_trailer;
  const h2::Code code = cut ? h2::Code::cancel : code_of(why);
  blameless_ = cut || why == ErrorCode::shutting_down;
  if (why == ErrorCode::client_stalled) {
    write_timer_.cancel();
    session_.framer().reset(*this, code);
  } else {
    // What the client was given of the answer it gets, so that it sees where that broke off.
    session_.framer().reset_behind_body(*this, code);
  }
  session_.flush_later();
}

// ---- the request ----

void H2ServerStream::on_head(http::RequestHead& head, End end, http::RequestSink& sink) noexcept {
  sink_ = &sink;
  begun_ = true;
  bodiless_ = head.method == http::Method::head;
  request_over_ = end == End::yes;
  streams_ = http::is_grpc(head);
  if (head.websocket) {
    tunnel_ = Tunnel::asked;
    sink.on_head(head, End::yes);
    return;
  }
  rate_.start(session_.loop().now());
  watch_body();
  sink.on_head(head, end);
}

void H2ServerStream::on_refused(ErrorCode why, const http::RequestHead& head,
                                std::string_view first_line, End end,
                                http::RequestSink& sink) noexcept {
  sink_ = &sink;
  begun_ = true;
  request_over_ = end == End::yes;
  refused_ = true;
  bodiless_ = head.method == http::Method::head;
  sink.on_refused(why, first_line);
}

void H2ServerStream::on_malformed(ErrorCode why, std::string_view head,
                                  RequestAcceptor& acceptor) noexcept {
  if (!std::exchange(begun_, true)) {
    acceptor.on_new_stream(*this, session_).on_malformed(why, head);
    return;
  }
  on_closed({ErrorCode::h2_protocol, Side::downstream, Retry::never, 0, nullptr});
}

Error H2ServerStream::why_closed(h2::Code code) const noexcept {
  if (code == h2::Code::no_error && (response_sent_ || !reset_by_client_)) {
    return {};
  }
  return {reset_by_client_ ? ErrorCode::client_reset : ErrorCode::h2_protocol, Side::downstream,
          Retry::never, 0, "RST_STREAM"};
}

void H2ServerStream::on_data(const ChunkRef& chunk, size_t begin, size_t end) noexcept {
  if (sink_ == nullptr || refused_ || tunnel_ == Tunnel::refused) {
    session_.framer().consume(*this, end - begin);
    return;
  }
  if (tunnel_ == Tunnel::none && !streams_ && !answering_ &&
      !rate_.keeps(end - begin, session_.settings().min_body_rate, session_.loop().now())) {
    refuse(ErrorCode::body_too_slow);
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
  if (sink_ != nullptr && !refused_ && (tunnel_ == Tunnel::none || tunnel_ == Tunnel::open)) {
    ByteQueue none;
    sink_->on_body(none, End::yes);
  }
}

void H2ServerStream::on_trailers(http::HeaderMap& trailers) noexcept {
  if (tunnel_ != Tunnel::none) {
    refuse_trailers();  // only DATA may come on it (RFC 9113 8.5)
    return;
  }
  request_over_ = true;
  body_timer_.cancel();
  if (sink_ != nullptr && !refused_) {
    sink_->on_trailers(trailers);
  }
}

void H2ServerStream::refuse_trailers() noexcept {
  if (http::RequestSink* sink = std::exchange(sink_, nullptr)) {
    sink->on_closed({ErrorCode::bad_trailer, Side::downstream, Retry::never, 0, nullptr});
  }
  reset(ErrorCode::bad_trailer);
}

// The client may not send any more (or so little that it may wait for more).
bool H2ServerStream::window_is_shut() const noexcept {
  return receive_window() < static_cast<int64_t>(kWriteProgress);
}

void H2ServerStream::release_window(size_t bytes) noexcept {
  if (!request_over_ && window_is_shut()) {
    // The client could not send: the time since is not its fault.
    rate_.start(session_.loop().now());
    watch_body();
  }
  session_.framer().consume(*this, bytes);
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
    session_.loop().arm(body_timer_,
                        streams_ ? http::limits::kGrpcIdle : session_.settings().body_timeout);
  }
}

void H2ServerStream::watch_writing() noexcept {
  if (!write_timer_.armed() && unframed() > 0) {
    written_mark_ = 0;
    session_mark_ = session_.body_framed();
    session_.loop().arm(write_timer_, session_.settings().write_timeout);
  }
}

void H2ServerStream::on_body_timer() noexcept {
  // The window is shut: it is the backend that does not take it. Or the answer moves meanwhile.
  if (window_is_shut() || std::exchange(answer_mark_, 0) > 0) {
    watch_body();
    return;
  }
  refuse(ErrorCode::body_timeout);
}

// No more of the request is looked at; its sink may answer.
void H2ServerStream::refuse(ErrorCode why) noexcept {
  body_timer_.cancel();
  if (sink_ != nullptr && !std::exchange(refused_, true)) {
    sink_->on_refused(why, {});
    session_.flush_later();
  }
}

void H2ServerStream::on_write_timer() noexcept {
  // A stream that waits for its turn among others of its connection is not stalled, nor is one
  // whose connection is not written to: that has a deadline of its own.
  const bool shut = send_window() <= 0;
  const bool others_move =
      !session_.has_room() || session_.body_framed() - session_mark_ >= kWriteProgress;
  if (written_mark_ >= kWriteProgress || (!shut && others_move)) {
    watch_writing();
    return;
  }
  if (http::RequestSink* sink = std::exchange(sink_, nullptr)) {
    sink->on_closed({ErrorCode::client_stalled, Side::downstream, Retry::never, 0, nullptr});
  }
  reset(ErrorCode::client_stalled);
}

}  // namespace pingap::session

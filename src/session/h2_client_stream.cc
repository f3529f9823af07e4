#include "session/h2_client_stream.h"

#include <algorithm>
#include <utility>

#include "http/h2/head_fields.h"
#include "http/limits.h"
#include "session/h2_client_session.h"

namespace pingap::session {

namespace h2 = http::h2;

using http::Framing;

H2ClientStream::H2ClientStream(H2ClientSession& session, http::ResponseSink& sink,
                               const ClientSettings& settings) noexcept
    : session_(session), sink_(&sink), settings_(settings) {
}

H2ClientStream::~H2ClientStream() {
  read_timer_.cancel();
  write_timer_.cancel();
}

// ---- the request ----

void H2ClientStream::send_head(const http::RequestHead& head, End end) noexcept {
  method_ = head.method;
  request_over_ = end == End::yes && !head.websocket;
  tunnel_ = head.websocket ? Tunnel::asked : Tunnel::none;
  const auto fields = h2::request_fields(head, session_.scheme());
  if (session_.connecting()) {
    hold(fields);  // it may be given up before there is a connection
    return;
  }
  if (tunnel_ == Tunnel::asked && !session_.has_settings()) {
    hold(fields);  // whether the backend takes it is not known yet (RFC 8441 3)
    watch_reading();
    return;
  }
  if (tunnel_ == Tunnel::asked && !session_.allows_extended_connect()) {
    unsent_ = ErrorCode::upstream_bad_upgrade;
    session_.loop().arm(read_timer_, Duration::zero());  // told outside of this call
    return;
  }
  submit(fields);
}

void H2ClientStream::hold(std::span<const h2::FieldView> fields) noexcept {
  held_.reserve(fields.size());
  for (const h2::FieldView& field : fields) {
    held_.emplace_back(field);
  }
}

void H2ClientStream::on_settings() noexcept {
  if (held_.empty()) {
    return;
  }
  if (!session_.allows_extended_connect()) {
    fail(ErrorCode::upstream_bad_upgrade, h2::Code::cancel);
    return;
  }
  submit_held();
}

void H2ClientStream::submit_held() noexcept {
  std::vector<h2::FieldView> fields;
  fields.reserve(held_.size());
  for (const h2::KeptField& field : held_) {
    fields.push_back(field.view());
  }
  submit(fields);
  held_.clear();
}

void H2ClientStream::submit(std::span<const h2::FieldView> fields) noexcept {
  using Request = h2::Message::Request;
  const bool over = request_over_ && unframed() == 0 && !has_trailers_;
  const bool connects = tunnel_ == Tunnel::asked || method_ == http::Method::connect;
  const Request request = connects                        ? Request::connect
                          : method_ == http::Method::head ? Request::head
                                                          : Request::other;
  head_begin_ = session_.framed();
  framed_end_ = head_begin_ + 1;
  if (!session_.framer().open(*this, fields, request, over ? End::yes : End::no)) {
    // No ids are left, or the connection has ended meanwhile. Told outside of this call.
    head_begin_ = UINT64_MAX;
    session_.loop().arm(read_timer_, Duration::zero());
    return;
  }
  watch_reading();
  session_.flush_later();
}

void H2ClientStream::send_body(ByteQueue& data, End end) noexcept {
  request_over_ = request_over_ || end == End::yes;
  session_.framer().send_body(*this, data, end);
  session_.flush_later();
  if (!session_.connecting()) {
    watch_writing();
  }
}

void H2ClientStream::send_trailers(const http::HeaderMap& trailers) noexcept {
  request_over_ = true;
  has_trailers_ = true;
  session_.framer().send_trailers(*this, trailers);
  session_.flush_later();
}

void H2ClientStream::on_connected() noexcept {
  if (std::exchange(told_connected_, true)) {
    return;
  }
  if (!held_.empty()) {
    watch_reading();
    watch_writing();
  }
  if (sink_ != nullptr) {
    sink_->on_connected();
  }
}

void H2ClientStream::begin_held() noexcept {
  if (!held_.empty() && tunnel_ == Tunnel::none) {
    submit_held();
  }
}

void H2ClientStream::on_framed(size_t bytes) noexcept {
  framed_end_ = session_.framed();
  if (given_up_) {
    return;
  }
  write_timer_.cancel();
  watch_writing();
  if (reading_ != Reading::done || tunnel_ == Tunnel::open) {
    watch_reading();
  }
  if (bytes > 0 && sink_ != nullptr) {
    sink_->on_sent(bytes);
  }
}

void H2ClientStream::reset(ErrorCode why) noexcept {
  sink_ = nullptr;
  if (why == ErrorCode::none && tunnel_ == Tunnel::open && reading_ == Reading::done &&
      request_over_) {
    return;  // both have ended well: our last bytes and the end are still to go out
  }
  give_up(h2::Code::cancel);
}

// Of the stream nothing is wanted any more. It may be destroyed when this returns.
void H2ClientStream::give_up(h2::Code code) noexcept {
  h2::Framer::drop_body(*this);
  read_timer_.cancel();
  write_timer_.cancel();
  given_up_ = true;
  if (id() == 0) {
    session_.on_stream_gone(*this);
    return;
  }
  session_.framer().reset(*this, code);
  session_.flush_later();
}

// ---- the response ----

void H2ClientStream::on_interim(http::ResponseHead& head) noexcept {
  if (sink_ != nullptr) {
    sink_->on_head(head, End::no);
  }
}

void H2ClientStream::on_head(http::ResponseHead& head, End end) noexcept {
  if (sink_ == nullptr) {
    return;
  }
  if (tunnel_ == Tunnel::asked) {
    settle_tunnel(head, end);
    if (tunnel_ == Tunnel::open) {
      return;
    }
  }
  // Where none may follow, the end that the backend has still to say is not waited for.
  const bool over = end == End::yes || head.framing == Framing::none ||
                    (head.framing == Framing::length && head.content_length == 0);
  if (over) {
    reading_ = Reading::done;
    read_timer_.cancel();
  } else {
    reading_ = Reading::body;
    watch_reading();
  }
  sink_->on_head(head, over ? End::yes : End::no);
}

// Success opens the tunnel, whatever it says of a length (RFC 9110 9.3.6); after anything else we
// have nothing to say.
void H2ClientStream::settle_tunnel(http::ResponseHead& head, End end) noexcept {
  if (head.status / 100 != 2) {
    tunnel_ = Tunnel::none;
    request_over_ = true;
    ByteQueue nothing;
    session_.framer().send_body(*this, nothing, End::yes);
    session_.flush_later();
    return;
  }
  tunnel_ = Tunnel::open;
  reading_ = Reading::body;
  watch_reading();
  head.framing = Framing::tunnel;
  head.websocket = true;
  head.has_content_length = false;
  head.content_length = 0;
  sink_->on_head(head, End::no);
  if (end == End::yes) {
    on_end();
  }
}

void H2ClientStream::on_data(const ChunkRef& chunk, size_t begin, size_t end) noexcept {
  if (sink_ == nullptr || reading_ != Reading::body) {
    session_.framer().consume(*this, end - begin);
    return;
  }
  watch_reading();
  ByteQueue data;
  data.push(chunk, begin, end);
  sink_->on_body(data, End::no);
}

void H2ClientStream::on_end() noexcept {
  if (reading_ != Reading::body) {
    return;
  }
  end_body();
  if (sink_ != nullptr) {
    ByteQueue none;
    sink_->on_body(none, End::yes);
  }
}

void H2ClientStream::on_trailers(http::HeaderMap& trailers) noexcept {
  if (reading_ != Reading::body) {
    return;
  }
  if (tunnel_ == Tunnel::open) {
    refuse(ErrorCode::upstream_bad_framing);  // only DATA may come on it (RFC 9113 8.5)
    return;
  }
  end_body();
  if (sink_ != nullptr) {
    sink_->on_trailers(trailers);
  }
}

void H2ClientStream::end_body() noexcept {
  reading_ = Reading::done;
  if (tunnel_ != Tunnel::open) {
    read_timer_.cancel();
  }
}

void H2ClientStream::release_window(size_t bytes) noexcept {
  session_.framer().consume(*this, bytes);
  session_.flush_later();
}

// ---- the end ----

Error H2ClientStream::error_of(ErrorCode why, int error) const noexcept {
  Error all{why, Side::upstream, Retry::never, error, session_.detail()};
  if (answer_begun_) {
    return all;
  }
  if (session_.taken() <= head_begin_) {
    all.retry = Retry::safe;  // the backend has not seen a byte
  } else if (session_.reused()) {
    all.retry = Retry::if_reused;
  }
  return all;
}

void H2ClientStream::finish(const Error& why) noexcept {
  read_timer_.cancel();
  write_timer_.cancel();
  http::ResponseSink* sink = std::exchange(sink_, nullptr);
  if (sink == nullptr) {
    return;
  }
  // What the backend will not take any more is not held against the client's window.
  const size_t lost = unframed();
  h2::Framer::drop_body(*this);
  if (lost > 0) {
    sink->on_sent(lost);
  }
  sink->on_closed(why);
}

void H2ClientStream::on_closed(h2::Code code) noexcept {
  if (is_over()) {
    finish({});  // the whole answer is here, and the rest of the request is not missed
    return;
  }
  Error why = error_of(ErrorCode::upstream_reset, 0);
  if (code == h2::Code::refused_stream && !answer_begun_) {
    // Also where GOAWAY says so: the backend has not looked at it (RFC 9113 6.8, 8.7).
    why.code = ErrorCode::upstream_stream_refused;
    why.retry = Retry::safe;
  } else if (!reset_received_) {
    // Ours: the framer has found the message malformed (RFC 9113 8.1.1).
    why.code =
        reading_ == Reading::head ? ErrorCode::upstream_bad_head : ErrorCode::upstream_bad_framing;
  } else if (reading_ == Reading::body) {
    why.code = ErrorCode::upstream_truncated;
  }
  finish(why);
}

void H2ClientStream::on_lost(ErrorCode why, int error) noexcept {
  if (is_over()) {
    finish({});
    return;
  }
  const bool broken = why == ErrorCode::upstream_closed || why == ErrorCode::upstream_reset;
  finish(
      error_of(reading_ == Reading::body && broken ? ErrorCode::upstream_truncated : why, error));
}

void H2ClientStream::fail(ErrorCode why, h2::Code code) noexcept {
  const Error error = error_of(why, 0);
  http::ResponseSink* sink = std::exchange(sink_, nullptr);
  give_up(code);
  if (sink != nullptr) {
    sink->on_closed(error);
  }
}

void H2ClientStream::refuse(ErrorCode why) noexcept {
  fail(why, h2::Code::protocol_error);
}

// ---- deadlines ----

// Nothing of the exchange is missing. A tunnel has two directions.
bool H2ClientStream::is_over() const noexcept {
  return reading_ == Reading::done &&
         (tunnel_ != Tunnel::open || (request_over_ && unframed() == 0));
}

bool H2ClientStream::has_unsent() const noexcept {
  return unframed() > 0 || session_.taken() < framed_end_;
}

void H2ClientStream::watch_reading() noexcept {
  session_.loop().arm(read_timer_,
                      tunnel_ == Tunnel::open ? settings_.tunnel_timeout : settings_.read_timeout);
}

void H2ClientStream::watch_writing() noexcept {
  if (!write_timer_.armed() && unframed() > 0) {
    session_.loop().arm(write_timer_, settings_.write_timeout);
  }
}

void H2ClientStream::on_read_timer() noexcept {
  if (id() == 0) {
    fail(held_.empty() ? unsent_ : ErrorCode::upstream_timeout, h2::Code::cancel);
    return;
  }
  if (tunnel_ == Tunnel::open) {
    fail(ErrorCode::tunnel_idle, h2::Code::cancel);
    return;
  }
  const bool window_is_shut = receive_window() <= 0;
  if (awaits_request() || (reading_ == Reading::body && window_is_shut)) {
    watch_reading();  // it is the client that does not send or take
    return;
  }
  // What the socket takes counts as a sign of life for all whose bytes are in it.
  const TimePoint due = session_.taken_at() + settings_.read_timeout;
  if (has_unsent() && due > session_.loop().now()) {
    session_.loop().arm(read_timer_, due - session_.loop().now());
    return;
  }
  session_.on_stream_timeout();
  fail(reading_ == Reading::head ? ErrorCode::upstream_timeout : ErrorCode::upstream_idle_timeout,
       h2::Code::cancel);
}

void H2ClientStream::on_write_timer() noexcept {
  // With both windows open it is the connection that waits, under a deadline of its own.
  const bool window_is_shut = send_window() <= 0 || session_.framer().send_window() <= 0;
  if (!window_is_shut) {
    watch_writing();
    return;
  }
  fail(ErrorCode::upstream_write_timeout, h2::Code::cancel);
}

}  // namespace pingap::session

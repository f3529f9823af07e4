// What a framer tells a client connection of: heads, ends of streams, and what a client may not do.
#include <utility>

#include "http/limits.h"
#include "session/h2_server_session.h"

namespace pingap::session {
namespace {

namespace limits = http::limits;

using http::h2::Code;
using http::h2::FramedStream;
using http::h2::FrameType;

// With this stream the client has nearly used up the numbers: it needs another connection.
constexpr int32_t kLastStream = 0x7fffff00;

H2ServerStream& ours(FramedStream& stream) noexcept {
  return static_cast<H2ServerStream&>(stream);
}

}  // namespace

// ---- what a client may do, and how often (security.md 1F) ----

// A head on a stream that is over, or was passed over.
ErrorCode H2ServerSession::judge_headers(int32_t id) noexcept {
  const ErrorCode why = guard_.on_headers(id);
  const bool late = id <= framer_.last_request() && framer_.find(id) == nullptr;
  return late && why == ErrorCode::none ? guard_.on_useless_frame(loop_.now()) : why;
}

void H2ServerSession::on_frame(const http::h2::FrameHeader& header) noexcept {
  if (header.type == FrameType::headers) {
    check(judge_headers(header.stream));
  } else if (header.type == FrameType::window_update) {
    check(guard_.on_window_update(loop_.now()));
  }
  H2Connection::on_frame(header);
}

void H2ServerSession::on_window_update(uint32_t increment, int64_t window) noexcept {
  constexpr int64_t kLeast = limits::kH2Increment;
  if (increment < kLeast && window < kLeast) {
    check(guard_.on_tiny_increment(loop_.now()));
  }
}

void H2ServerSession::on_reset(FramedStream* stream, Code /*code*/) noexcept {
  if (stream == nullptr) {
    check(guard_.on_late_reset(loop_.now()));
    return;
  }
  ours(*stream).on_reset();
  if (ours(*stream).busy()) {
    check(guard_.on_reset(loop_.now()));
  }
}

ErrorCode H2ServerSession::judge_reset(const H2ServerStream* stream, Code code) noexcept {
  if (stream != nullptr && stream->blameless()) {
    return ErrorCode::none;
  }
  switch (code) {
    case Code::no_error:
    case Code::internal_error:
      return ErrorCode::none;  // it was not the client
    case Code::refused_stream:
      return guard_.on_refused_stream(loop_.now());
    default:
      return guard_.on_reset(loop_.now());
  }
}

void H2ServerSession::on_reset_sent(FramedStream* stream, Code code) noexcept {
  check(judge_reset(stream == nullptr ? nullptr : &ours(*stream), code));
}

void H2ServerSession::on_settings_ack() noexcept {
  guard_.on_settings_ack();
  settings_timer_.cancel();
}

// ---- requests ----

FramedStream& H2ServerSession::on_request(int32_t id) noexcept {
  auto* stream = new H2ServerStream(*this, id);  // NOLINT(bugprone-unhandled-exception-at-new)
  streams_.push_back(*stream);
  return *stream;
}

void H2ServerSession::on_head_begun(FramedStream& /*stream*/) noexcept {
  fields_ = std::make_unique<http::h2::RequestBuilder>(settings().limits);
}

void H2ServerSession::on_field(const http::hpack::DecodedField& field) noexcept {
  fields_->add(field);
}

void H2ServerSession::on_head(FramedStream& stream, Section section, End end) noexcept {
  const std::unique_ptr<http::h2::RequestBuilder> fields = std::move(fields_);
  if (section == Section::head) {
    begin_request(ours(stream), *fields, end);
    return;
  }
  if (fields->too_large() || fields->list_size() > http::limits::kTrailer) {
    ours(stream).refuse_trailers();
    return;
  }
  http::HeaderMap trailers = fields->trailers();
  ours(stream).on_trailers(trailers);
}

void H2ServerSession::begin_request(H2ServerStream& stream, http::h2::RequestBuilder& fields,
                                    End end) noexcept {
  ++requests_;
  if (requests_ == settings().keepalive_requests || stream.id() >= kLastStream) {
    wind_down();
  }
  http::RequestHead head;
  const ErrorCode why = fields.finish(end, head);
  http::RequestSink& sink = acceptor_.on_new_stream(stream, *this);
  if (why != ErrorCode::none) {
    stream.on_refused(why, head, fields.first_line(), end, sink);
  } else {
    stream.on_head(head, end, sink);
  }
  if (draining_ && one_more_) {
    one_more_ = false;
    framer_.shut_down();
  }
}

void H2ServerSession::on_malformed_head(FramedStream& stream) noexcept {
  const std::unique_ptr<http::h2::RequestBuilder> fields = std::move(fields_);
  ours(stream).on_malformed(ErrorCode::bad_header, fields->first_line(), acceptor_);
}

void H2ServerSession::on_body(FramedStream& stream, std::string_view bytes) noexcept {
  const Part part = part_of(bytes);
  ours(stream).on_data(in_chunk_, part.begin, part.end);
}

void H2ServerSession::on_body_end(FramedStream& stream) noexcept {
  ours(stream).on_end();
}

// ---- responses ----

void H2ServerSession::on_framed(FramedStream& stream, size_t bytes) noexcept {
  guard_.on_data_sent();
  ours(stream).on_framed(bytes);
}

void H2ServerSession::on_end_sent(FramedStream& stream) noexcept {
  ours(stream).on_response_sent();
}

void H2ServerSession::on_stream_closed(FramedStream& closed, Code code) noexcept {
  H2ServerStream& stream = ours(closed);
  const Error why = stream.why_closed(code);
  if (!why && stream.busy() && !out_.empty()) {
    static_cast<ListHook<H2StreamTag>&>(stream).unlink();
    stream.set_last_byte(framed());
    sent_streams_.push_back(stream);
    return;
  }
  stream.on_closed(why);
  delete &stream;
}

// ---- the end ----

// The backends are told now, whenever the client reads our GOAWAY. The streams stay until that is
// out.
void H2ServerSession::on_failed(ErrorCode why) noexcept {
  fields_.reset();
  for (H2ServerStream* stream = streams_.front(); stream != nullptr;
       stream = streams_.next(*stream)) {
    stream->on_closed({why, Side::downstream, Retry::never, 0, nullptr});
  }
  tell(why);
}

// A line in the log for what belongs to no request.
void H2ServerSession::tell(ErrorCode why) noexcept {
  H2ServerStream nobody(*this, 0);
  acceptor_.on_new_stream(nobody, *this).on_malformed(why, {});
}

}  // namespace pingap::session

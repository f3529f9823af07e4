// What nghttp2 tells a client connection of: heads, ends of streams, and what a client may not do.
#include <algorithm>

#include <nghttp2/nghttp2.h>

#include "http/limits.h"
#include "session/h2_server_session.h"

namespace pingap::session {
namespace {

namespace limits = http::limits;

// With this stream the client has nearly used up the numbers: it needs another connection.
constexpr int32_t kLastStream = 0x7fffff00;

}  // namespace

void H2ServerSession::on_begin_headers(int32_t id, bool request) noexcept {
  fields_ = std::make_unique<http::h2::RequestBuilder>(settings().limits);
  if (!request) {
    return;
  }
  auto* stream = new H2ServerStream(*this, id);  // NOLINT(bugprone-unhandled-exception-at-new)
  streams_.push_back(*stream);
  nghttp2_session_set_stream_user_data(framing_, id, stream);
}

void H2ServerSession::on_field(std::string_view name, std::string_view value) noexcept {
  if (fields_ == nullptr) {
    return;
  }
  fields_->add(name, value);
  if (fields_->list_size() > limits::kH2Bomb) {
    check(ErrorCode::h2_head_flood);
  }
}

void H2ServerSession::on_headers(H2ServerStream& stream, End end, bool request) noexcept {
  const std::unique_ptr<http::h2::RequestBuilder> fields = std::move(fields_);
  if (fields == nullptr) {
    return;
  }
  if (!request) {
    http::HeaderMap trailers = fields->trailers();
    stream.on_trailers(trailers);
    return;
  }
  set_priority(stream, fields->has_priority());
  ++requests_;
  if (requests_ == settings().keepalive_requests || stream.id() >= kLastStream) {
    wind_down();
  }
  http::RequestHead head;
  const ErrorCode why = fields->finish(end, head);
  http::RequestSink& sink = acceptor_.on_new_stream(stream, *this);
  if (why != ErrorCode::none) {
    stream.on_refused(why, head, fields->first_line(), end, sink);
  } else {
    stream.on_head(head, end, sink);
  }
  if (draining_ && one_more_) {
    one_more_ = false;
    nghttp2_submit_goaway(framing_, NGHTTP2_FLAG_NONE, stream.id(), NGHTTP2_NO_ERROR, nullptr, 0);
  }
}

// Before its stream is there, a client may say what its priority will be (RFC 9218 7.1).
void H2ServerSession::on_priority_update(int32_t id) noexcept {
  if (id > nghttp2_session_get_last_proc_stream_id(framing_) &&
      prioritized_.size() < limits::kH2Streams) {
    prioritized_.push_back(id);
  }
}

// Where a request says nothing of its priority, it shares with the others: the answers of clients
// that know no priorities do not wait for each other. RFC 9218 4.2 would have them one by one.
void H2ServerSession::set_priority(const H2ServerStream& stream, bool said) noexcept {
  const bool updated = std::ranges::find(prioritized_, stream.id()) != prioritized_.end();
  std::erase_if(prioritized_, [&](int32_t id) { return id <= stream.id(); });
  if (!said && !updated) {
    const nghttp2_extpri shared{NGHTTP2_EXTPRI_DEFAULT_URGENCY, 1};
    nghttp2_session_change_extpri_stream_priority(framing_, stream.id(), &shared, 0);
  }
}

void H2ServerSession::on_malformed_headers(H2ServerStream& stream) noexcept {
  const std::unique_ptr<http::h2::RequestBuilder> fields = std::move(fields_);
  stream.on_malformed(ErrorCode::bad_header,
                      fields == nullptr ? std::string_view{} : fields->first_line(), acceptor_);
}

void H2ServerSession::on_settings_ack() noexcept {
  guard_.on_settings_ack();
  settings_timer_.cancel();
}

// nghttp2 has found an error of the connection, if it was not us.
void H2ServerSession::on_goaway_sent(uint32_t code) noexcept {
  if (code != NGHTTP2_NO_ERROR && !ending_) {
    fail(code == NGHTTP2_ENHANCE_YOUR_CALM ? ErrorCode::h2_frame_flood : ErrorCode::h2_protocol,
         code);
  }
}

void H2ServerSession::on_stream_closed(H2ServerStream& stream, uint32_t code) noexcept {
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

// The backends are told now, whenever the client reads our GOAWAY. What nghttp2 knows of the
// streams stays until that is out.
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

#include "session/h2_server_session.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <nghttp2/nghttp2.h>

#include "http/limits.h"
#include "session/h2_callbacks.h"

namespace pingap::session {
namespace {

namespace limits = http::limits;

// How long streams that were opened before our GOAWAY may take to arrive.
constexpr Duration kDrainTime = std::chrono::seconds(1);
// A closing connection waits this long for its last bytes to be taken.
constexpr Duration kLinger = std::chrono::seconds(2);

const std::array<nghttp2_settings_entry, 5> kSettings = {{
    {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits::kH2Streams},
    {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits::kWindow},
    {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits::kRequestHead},
    {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, limits::kH2HeaderTable},
    // The last one, left out where nothing could be asked for with it (RFC 8441 3).
    {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
}};

}  // namespace

H2ServerSession::H2ServerSession(net::EventLoop& loop, std::unique_ptr<net::Transport> transport,
                                 const Peer& peer, const ServerSettings& settings,
                                 RequestAcceptor& acceptor) noexcept
    : H2Connection(loop, std::move(transport)),
      ServerSession(peer),
      settings_(settings),
      acceptor_(acceptor) {
}

H2ServerSession::~H2ServerSession() = default;

bool H2ServerSession::start() noexcept {
  if (!start_framing() || !loop_.take_over(transport_->fd(), *this)) {
    return false;
  }
  writable_ = true;
  if (transport_->has_input()) {
    readable_ = true;
    loop_.resume_later(*this);
  }
  watch_reading();
  flush_later();
  return true;
}

bool H2ServerSession::start_framing() noexcept {
  static const nghttp2_session_callbacks* const callbacks = make_h2_server_callbacks();
  static nghttp2_option* const options = make_options();
  return nghttp2_session_server_new2(&framing_, callbacks, static_cast<H2Connection*>(this),
                                     options) == 0 &&
         nghttp2_submit_settings(framing_, NGHTTP2_FLAG_NONE, kSettings.data(),
                                 kSettings.size() - (settings_.websocket ? 0U : 1U)) == 0 &&
         // One stream that does not move must not stop the others: the window of the connection is
         // that of all of them.
         nghttp2_session_set_local_window_size(framing_, NGHTTP2_FLAG_NONE, 0,
                                               limits::kWindow * limits::kH2Streams) == 0;
}

bool H2ServerSession::waiting() const noexcept {
  return streams_.empty() && fields_ == nullptr && !closed_;
}

// ---- reading ----

void H2ServerSession::take_input(std::string_view bytes) noexcept {
  readable_ = true;
  in_chunk_ = make_chunk(std::max(bytes.size(), kChunkSize));
  std::memcpy(in_chunk_.data(), bytes.data(), bytes.size());
  if (feed({in_chunk_.data(), bytes.size()})) {
    loop_.resume_later(*this);
  }
}

void H2ServerSession::on_input_end(int error) noexcept {
  input_ended_ = true;
  close({streams_.empty() ? ErrorCode::none : ErrorCode::client_closed, Side::downstream,
         Retry::never, error, nullptr});
}

bool H2ServerSession::on_begin_headers(int32_t id, bool request) noexcept {
  fields_ = std::make_unique<http::h2::RequestBuilder>();
  if (!request) {
    return true;
  }
  auto* stream = new H2ServerStream(*this, id);  // NOLINT(bugprone-unhandled-exception-at-new)
  streams_.push_back(*stream);
  nghttp2_session_set_stream_user_data(framing_, id, stream);
  return true;
}

void H2ServerSession::on_field(std::string_view name, std::string_view value) noexcept {
  if (fields_ == nullptr) {
    return;
  }
  fields_->add(name, value);
  if (fields_->list_size() > limits::kH2Bomb) {
    calm_down();
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
  http::RequestHead head;
  const ErrorCode why = fields->finish(end, head);
  http::RequestSink& sink = acceptor_.on_new_stream(stream, *this);
  if (why != ErrorCode::none) {
    stream.on_refused(why, sink);
    return;
  }
  stream.on_head(head, end, sink);
  if (draining_ && one_more_) {
    one_more_ = false;
    nghttp2_submit_goaway(framing_, NGHTTP2_FLAG_NONE, stream.id(), NGHTTP2_NO_ERROR, nullptr, 0);
  }
}

void H2ServerSession::on_stream_gone(H2ServerStream& stream) noexcept {
  delete &stream;
  watch_reading();
}

// ---- the end of writing ----

void H2ServerSession::on_write_failed(int error) noexcept {
  close({ErrorCode::client_reset, Side::downstream, Retry::never, error, "write"});
}

void H2ServerSession::on_framing_failed() noexcept {
  close({ErrorCode::io, Side::local, Retry::never, 0, "nghttp2"});
}

void H2ServerSession::after_flush() noexcept {
  if (has_output()) {
    return;
  }
  const bool over =
      nghttp2_session_want_read(framing_) == 0 && nghttp2_session_want_write(framing_) == 0;
  if (!over && !ending_) {
    return;
  }
  end_streams({ErrorCode::client_reset, Side::downstream, Retry::never, 0, nullptr});
  if (input_ended_) {
    close({});
    return;
  }
  if (!lingering_) {
    // GOAWAY is to be read before a reset can overtake it (as RFC 9112 9.6 has it for HTTP/1).
    lingering_ = true;
    ending_ = true;
    transport_->shutdown_write();
    loop_.arm(read_timer_, kLinger);
    readable_ = true;
    loop_.resume_later(*this);
  }
}

// ---- ends and deadlines ----

void H2ServerSession::watch_reading() noexcept {
  if (closed_ || lingering_) {
    return;
  }
  if (fields_ != nullptr) {
    if (!read_timer_.armed()) {
      loop_.arm(read_timer_, settings_.header_timeout);
    }
  } else if (streams_.empty()) {
    loop_.arm(read_timer_, settings_.keepalive_timeout);
  } else {
    read_timer_.cancel();
  }
}

void H2ServerSession::on_read_timer() noexcept {
  if (lingering_) {
    close({});
    return;
  }
  if (streams_.empty() || fields_ != nullptr) {
    nghttp2_session_terminate_session(framing_, NGHTTP2_NO_ERROR);
    ending_ = true;
    flush();
  }
}

void H2ServerSession::on_write_timer() noexcept {
  transport_->abort_on_close();
  close({ErrorCode::client_stalled, Side::downstream, Retry::never, 0, nullptr});
}

void H2ServerSession::drain() noexcept {
  draining_ = true;
  // Streams that are on their way are served: the last one is named a little later (RFC 9113 6.8).
  nghttp2_submit_shutdown_notice(framing_);
  loop_.arm(drain_timer_, streams_.empty() ? Duration::zero() : kDrainTime);
  flush();
}

void H2ServerSession::on_drain_timer() noexcept {
  nghttp2_submit_goaway(framing_, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(framing_), NGHTTP2_NO_ERROR,
                        nullptr, 0);
  flush();
}

void H2ServerSession::serve_one() noexcept {
  draining_ = true;
  one_more_ = true;
  loop_.arm(read_timer_, std::min(kLinger, settings_.header_timeout));
}

void H2ServerSession::abort() noexcept {
  close({ErrorCode::shutting_down, Side::local, Retry::never, 0, nullptr});
}

void H2ServerSession::end_streams(const Error& why) noexcept {
  while (H2ServerStream* stream = streams_.pop_front()) {
    nghttp2_session_set_stream_user_data(framing_, stream->id(), nullptr);
    stream->on_closed(why);
    delete stream;
  }
}

void H2ServerSession::close(const Error& why) noexcept {
  if (closed_) {
    return;
  }
  closed_ = true;
  read_timer_.cancel();
  drain_timer_.cancel();
  fields_.reset();
  end_streams(why ? why
                  : Error{ErrorCode::client_closed, Side::downstream, Retry::never, 0, nullptr});
  close_connection();
  ListHook<ServerSessionTag>::unlink();
  acceptor_.on_session_closed(*this);
  loop_.retire(this);
}

}  // namespace pingap::session

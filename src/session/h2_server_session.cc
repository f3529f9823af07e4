#include "session/h2_server_session.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <nghttp2/nghttp2.h>

#include "http/limits.h"
#include "session/h2_callbacks.h"
#include "session/h2_memory.h"

namespace pingap::session {
namespace {

namespace limits = http::limits;

// How long streams that were opened before our GOAWAY may take to arrive.
constexpr Duration kDrainTime = std::chrono::seconds(1);
// A client that takes less of our output within write_timeout is stalled.
constexpr uint64_t kWriteProgress = 1024;
// A closing connection waits this long for its last bytes to be taken.
constexpr Duration kLinger = std::chrono::seconds(2);

const std::array<nghttp2_settings_entry, 6> kSettings = {{
    {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits::kH2Streams},
    {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits::kWindow},
    {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits::kRequestHead},
    {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, limits::kH2HeaderTable},
    // Of priorities only those of RFC 9218 are heeded (2.1 there).
    {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    // The last one, left out where nothing could be asked for with it (RFC 8441 3).
    {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
}};

}  // namespace

H2ServerSession::H2ServerSession(net::EventLoop& loop, std::unique_ptr<net::Transport> transport,
                                 const Peer& peer, const ServerSettings& settings,
                                 RequestAcceptor& acceptor) noexcept
    : H2Connection(loop, std::move(transport)), ServerSession(peer, settings), acceptor_(acceptor) {
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
  loop_.arm(read_timer_, settings().header_timeout);
  loop_.arm(settings_timer_, limits::kH2SettingsAck);
  flush_later();
  return true;
}

nghttp2_option* H2ServerSession::make_server_options() noexcept {
  nghttp2_option* options = make_options();
  nghttp2_option_set_builtin_recv_extension_type(options, NGHTTP2_PRIORITY_UPDATE);
  // nghttp2 tells of unknown frames only where somebody wants them; they are to be counted.
  for (unsigned type = NGHTTP2_CONTINUATION + 1; type <= UINT8_MAX; ++type) {
    if (type != NGHTTP2_PRIORITY_UPDATE) {
      nghttp2_option_set_user_recv_extension_type(options, static_cast<uint8_t>(type));
    }
  }
  return options;
}

bool H2ServerSession::start_framing() noexcept {
  static const nghttp2_session_callbacks* const callbacks = make_h2_server_callbacks();
  static nghttp2_option* const options = make_server_options();
  return nghttp2_session_server_new3(&framing_, callbacks, static_cast<H2Connection*>(this),
                                     options, h2_memory()) == 0 &&
         nghttp2_submit_settings(framing_, NGHTTP2_FLAG_NONE, kSettings.data(),
                                 kSettings.size() - (settings().websocket ? 0U : 1U)) == 0 &&
         // One stream that does not move must not stop the others: the window of the connection is
         // that of all of them.
         nghttp2_session_set_local_window_size(framing_, NGHTTP2_FLAG_NONE, 0,
                                               limits::kWindow * limits::kH2Streams) == 0;
}

bool H2ServerSession::waiting() const noexcept {
  return streams_.empty() && sent_streams_.empty() && fields_ == nullptr && !closed_;
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
  close({error == 0 ? ErrorCode::client_closed : ErrorCode::client_reset, Side::downstream,
         Retry::never, error, nullptr});
}

// ---- writing ----

void H2ServerSession::on_written(size_t /*bytes*/) noexcept {
  end_sent_streams();
}

void H2ServerSession::on_write_failed(int error) noexcept {
  close({ErrorCode::client_reset, Side::downstream, Retry::never, error, "write"});
}

void H2ServerSession::on_framing_failed() noexcept {
  close({ErrorCode::io, Side::local, Retry::never, 0, "nghttp2"});
}

// Those whose last byte has left.
void H2ServerSession::end_sent_streams() noexcept {
  for (H2ServerStream* stream = sent_streams_.front();
       stream != nullptr && stream->last_byte() <= taken_; stream = sent_streams_.front()) {
    sent_streams_.pop_front();
    stream->on_closed({});
    delete stream;
  }
  watch_reading();
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
  const bool busy = !streams_.empty() || !sent_streams_.empty();
  const Watch wanted = fields_ != nullptr ? Watch::head : busy ? Watch::nothing : Watch::idle;
  if (wanted == watch_ || (watch_ == Watch::first && wanted != Watch::nothing)) {
    return;
  }
  watch_ = wanted;
  if (wanted == Watch::nothing) {
    read_timer_.cancel();
  } else {
    loop_.arm(read_timer_,
              wanted == Watch::head ? settings().header_timeout : settings().keepalive_timeout);
  }
}

void H2ServerSession::on_read_timer() noexcept {
  if (lingering_) {
    close({});
    return;
  }
  if (fields_ != nullptr) {
    fail(ErrorCode::header_timeout, NGHTTP2_NO_ERROR);
  } else {
    nghttp2_session_terminate_session(framing_, NGHTTP2_NO_ERROR);
    ending_ = true;
  }
  flush();
}

void H2ServerSession::on_write_timer() noexcept {
  if (taken_ - taken_mark_ >= kWriteProgress) {
    taken_mark_ = taken_;
    loop_.arm(write_timer_, settings().write_timeout);
    return;
  }
  transport_->abort_on_close();
  close({ErrorCode::client_stalled, Side::downstream, Retry::never, 0, nullptr});
}

void H2ServerSession::on_settings_timer() noexcept {
  fail(ErrorCode::h2_settings_timeout, NGHTTP2_SETTINGS_TIMEOUT);
}

void H2ServerSession::drain() noexcept {
  draining_ = true;
  readable_ = true;
  receive();  // what has arrived is served
  if (closed_) {
    return;
  }
  wind_down();
  if (waiting()) {
    on_drain_timer();
    return;
  }
  flush();
}

// Streams that are on their way are served: the last one is named a little later (RFC 9113 6.8).
void H2ServerSession::wind_down() noexcept {
  if (!std::exchange(winding_down_, true)) {
    nghttp2_submit_shutdown_notice(framing_);
    loop_.arm(drain_timer_, kDrainTime);
    flush_later();
  }
}

void H2ServerSession::on_drain_timer() noexcept {
  drain_timer_.cancel();
  nghttp2_submit_goaway(framing_, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(framing_), NGHTTP2_NO_ERROR,
                        nullptr, 0);
  flush();
}

void H2ServerSession::serve_one() noexcept {
  draining_ = true;
  one_more_ = true;
  loop_.arm(read_timer_, std::min(kLinger, settings().header_timeout));
}

void H2ServerSession::abort() noexcept {
  close({ErrorCode::shutting_down, Side::local, Retry::never, 0, nullptr});
}

void H2ServerSession::end_streams(const Error& why) noexcept {
  for (auto* streams : {&streams_, &sent_streams_}) {
    while (H2ServerStream* stream = streams->pop_front()) {
      nghttp2_session_set_stream_user_data(framing_, stream->id(), nullptr);
      stream->on_closed(why);
      delete stream;
    }
  }
}

void H2ServerSession::close(const Error& why) noexcept {
  if (closed_) {
    return;
  }
  closed_ = true;
  read_timer_.cancel();
  drain_timer_.cancel();
  settings_timer_.cancel();
  fields_.reset();
  end_streams(why ? why
                  : Error{ErrorCode::client_closed, Side::downstream, Retry::never, 0, nullptr});
  close_connection();
  ListHook<ServerSessionTag>::unlink();
  acceptor_.on_session_closed(*this);
  loop_.retire(this);
}

}  // namespace pingap::session

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

// Bytes read per connection and turn.
constexpr size_t kReadsPerTurn = 64 * 1024;
// Frames are made while less than this waits to be written; input is read only then, too, so that
// a client that asks and does not read cannot make us queue answers to PING and SETTINGS.
constexpr size_t kMaxOutput = 64 * 1024;
// How long streams that were opened before our GOAWAY may take to arrive.
constexpr Duration kDrainTime = std::chrono::seconds(1);
// A client that takes less of our output within write_timeout is stalled.
constexpr uint64_t kWriteProgress = 1024;
// A closing connection waits this long for its last bytes to be taken.
constexpr Duration kLinger = std::chrono::seconds(2);

nghttp2_option* make_options() noexcept {
  nghttp2_option* options = nullptr;
  nghttp2_option_new(&options);
  nghttp2_option_set_no_auto_window_update(options, 1);
  nghttp2_option_set_max_settings(options, limits::kH2Settings);
  nghttp2_option_set_max_outbound_ack(options, limits::kH2Acks);
  nghttp2_option_set_max_continuations(options, limits::kH2Continuations);
  nghttp2_option_set_max_deflate_dynamic_table_size(options, limits::kH2HeaderTable);
  // Resets have a budget of ours, which counts those that we are made to send, too.
  nghttp2_option_set_stream_reset_rate_limit(options, UINT32_MAX, UINT32_MAX);
  nghttp2_option_set_builtin_recv_extension_type(options, NGHTTP2_PRIORITY_UPDATE);
  // nghttp2 tells of unknown frames only where somebody wants them; they are to be counted.
  for (unsigned type = NGHTTP2_CONTINUATION + 1; type <= UINT8_MAX; ++type) {
    if (type != NGHTTP2_PRIORITY_UPDATE) {
      nghttp2_option_set_user_recv_extension_type(options, static_cast<uint8_t>(type));
    }
  }
  return options;
}

const std::array<nghttp2_settings_entry, 5> kSettings = {{
    {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits::kH2Streams},
    {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits::kWindow},
    {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits::kRequestHead},
    {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, limits::kH2HeaderTable},
    // Of priorities only those of RFC 9218 are heeded (2.1 there).
    {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
}};

}  // namespace

H2ServerSession::H2ServerSession(net::EventLoop& loop, std::unique_ptr<net::Transport> transport,
                                 const Peer& peer, const ServerSettings& settings,
                                 RequestAcceptor& acceptor) noexcept
    : ServerSession(peer),
      loop_(loop),
      transport_(std::move(transport)),
      settings_(settings),
      acceptor_(acceptor) {
}

H2ServerSession::~H2ServerSession() {
  nghttp2_session_del(framing_);
}

bool H2ServerSession::start() noexcept {
  if (!start_framing() || !loop_.take_over(transport_->fd(), *this)) {
    return false;
  }
  writable_ = true;
  loop_.arm(read_timer_, settings_.header_timeout);
  loop_.arm(settings_timer_, limits::kH2SettingsAck);
  flush_later();
  return true;
}

bool H2ServerSession::start_framing() noexcept {
  static const nghttp2_session_callbacks* const callbacks = make_h2_server_callbacks();
  static nghttp2_option* const options = make_options();
  return nghttp2_session_server_new2(&framing_, callbacks, this, options) == 0 &&
         nghttp2_submit_settings(framing_, NGHTTP2_FLAG_NONE, kSettings.data(), kSettings.size()) ==
             0 &&
         // One stream that does not move must not stop the others: the window of the connection is
         // that of all of them.
         nghttp2_session_set_local_window_size(framing_, NGHTTP2_FLAG_NONE, 0,
                                               limits::kWindow * limits::kH2Streams) == 0;
}

bool H2ServerSession::waiting() const noexcept {
  return streams_.empty() && sent_streams_.empty() && fields_ == nullptr && !closed_;
}

bool H2ServerSession::has_room() const noexcept {
  return out_.size() < kMaxOutput;
}

// ---- reading ----

void H2ServerSession::on_io(net::IoEvents ready) noexcept {
  if (closed_) {
    return;
  }
  readable_ = readable_ || ready.readable;
  writable_ = writable_ || ready.writable;
  if (writable_ && !out_.empty()) {
    flush();
  }
  if (readable_ && !closed_) {
    receive();
  }
}

void H2ServerSession::on_resume() noexcept {
  if (!closed_) {
    receive();
  }
}

void H2ServerSession::take_input(std::string_view bytes) noexcept {
  readable_ = true;
  in_chunk_ = make_chunk(std::max(bytes.size(), kChunkSize));
  std::memcpy(in_chunk_.data(), bytes.data(), bytes.size());
  if (feed({in_chunk_.data(), bytes.size()})) {
    loop_.resume_later(*this);
  }
}

void H2ServerSession::receive() noexcept {
  size_t budget = kReadsPerTurn;
  while (readable_ && !closed_ && has_room()) {
    if (budget == 0) {
      loop_.resume_later(*this);
      break;
    }
    if (!in_chunk_ || !in_chunk_.unique()) {
      in_chunk_ = make_chunk();
    }
    const net::IoResult result = transport_->read({in_chunk_.data(), kChunkSize});
    if (result.status == net::IoStatus::would_block) {
      readable_ = false;
      break;
    }
    if (result.status != net::IoStatus::progress) {
      readable_ = false;
      input_ended_ = true;
      const bool reset = result.status == net::IoStatus::failed;
      close({reset ? ErrorCode::client_reset : ErrorCode::client_closed, Side::downstream,
             Retry::never, result.error, nullptr});
      return;
    }
    budget -= std::min(budget, result.bytes);
    if (!feed({in_chunk_.data(), result.bytes})) {
      break;
    }
  }
  if (in_chunk_ && (closed_ || !readable_)) {
    in_chunk_.reset();  // a connection that waits holds no buffer
  }
  if (!closed_) {
    watch_reading();
    flush_later();
  }
}

// Hands bytes to nghttp2. False: no more of them are looked at.
bool H2ServerSession::feed(std::string_view bytes) noexcept {
  if (ending_) {
    return true;  // thrown away
  }
  const ssize_t taken = nghttp2_session_mem_recv(
      framing_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  flush_later();
  if (taken < 0) {
    const bool head = taken == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS;
    check(head ? ErrorCode::h2_head_flood : ErrorCode::h2_frame_flood);
    return false;
  }
  return true;
}

// ---- writing ----

void H2ServerSession::on_deferred() noexcept {
  if (!closed_) {
    flush();
  }
}

void H2ServerSession::flush() noexcept {
  if (lingering_) {
    return;
  }
  for (;;) {
    if (nghttp2_session_send(framing_) != 0) {
      close({ErrorCode::io, Side::local, Retry::never, 0, "nghttp2"});
      return;
    }
    if (out_.empty()) {
      write_timer_.cancel();
      break;
    }
    if (!write_timer_.armed()) {
      written_mark_ = written_;
      loop_.arm(write_timer_, settings_.write_timeout);
    }
    if (!writable_) {
      break;
    }
    const net::IoResult result = transport_->write(out_, End::no);
    written_ += result.bytes;
    if (result.status == net::IoStatus::failed) {
      close({ErrorCode::client_reset, Side::downstream, Retry::never, result.error, "write"});
      return;
    }
    writable_ = result.status == net::IoStatus::progress;
    end_sent_streams();
  }
  close_if_over();
  if (!closed_ && readable_ && has_room()) {
    loop_.resume_later(*this);
  }
}

// Those whose last byte has left.
void H2ServerSession::end_sent_streams() noexcept {
  for (H2ServerStream* stream = sent_streams_.front();
       stream != nullptr && stream->last_byte() <= written_; stream = sent_streams_.front()) {
    sent_streams_.pop_front();
    stream->on_closed({});
    delete stream;
  }
  watch_reading();
}

void H2ServerSession::close_if_over() noexcept {
  if (!out_.empty()) {
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
              wanted == Watch::head ? settings_.header_timeout : settings_.keepalive_timeout);
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
  if (written_ - written_mark_ >= kWriteProgress) {
    written_mark_ = written_;
    loop_.arm(write_timer_, settings_.write_timeout);
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
  loop_.arm(read_timer_, std::min(kLinger, settings_.header_timeout));
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
  write_timer_.cancel();
  drain_timer_.cancel();
  settings_timer_.cancel();
  fields_.reset();
  end_streams(why ? why
                  : Error{ErrorCode::client_closed, Side::downstream, Retry::never, 0, nullptr});
  transport_.reset();
  out_.clear();
  in_chunk_.reset();
  Deferrable::unlink();
  Resumable::unlink();
  ListHook<ServerSessionTag>::unlink();
  acceptor_.on_session_closed(*this);
  loop_.retire(this);
}

}  // namespace pingap::session

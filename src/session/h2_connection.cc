#include "session/h2_connection.h"

#include <algorithm>
#include <utility>

#include "http/limits.h"
#include "session/h2_callbacks.h"
#include "session/h2_stream.h"

namespace pingap::session {
namespace {

namespace limits = http::limits;

// Bytes read per connection and turn.
constexpr size_t kReadsPerTurn = 64 * 1024;
// Frames are made while less than this waits to be written; input is read only then, too, so that
// a peer that asks and does not read cannot make us queue answers to PING and SETTINGS.
constexpr size_t kMaxOutput = 64 * 1024;

// Why nghttp2 looks at no more. Of most errors it tells by the GOAWAY that it queues instead.
ErrorCode why_stopped(ssize_t error) noexcept {
  switch (error) {
    case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS:
      return ErrorCode::h2_head_flood;
    case NGHTTP2_ERR_BAD_CLIENT_MAGIC:
      return ErrorCode::h2_protocol;
    default:
      return ErrorCode::h2_frame_flood;
  }
}

}  // namespace

H2Connection::H2Connection(net::EventLoop& loop, std::unique_ptr<net::Transport> transport) noexcept
    : loop_(loop), transport_(std::move(transport)) {
}

H2Connection::~H2Connection() {
  nghttp2_session_del(framing_);
}

nghttp2_option* H2Connection::make_options() noexcept {
  nghttp2_option* options = nullptr;
  nghttp2_option_new(&options);
  nghttp2_option_set_no_auto_window_update(options, 1);
  nghttp2_option_set_max_settings(options, limits::kH2Settings);
  nghttp2_option_set_max_outbound_ack(options, limits::kH2Acks);
  nghttp2_option_set_max_continuations(options, limits::kH2Continuations);
  // Its own limit is below that of heads which we take, with what the configuration adds.
  nghttp2_option_set_max_send_header_block_length(options, 4 * limits::kResponseHead);
  nghttp2_option_set_max_deflate_dynamic_table_size(options, limits::kH2HeaderTable);
  // Resets have a budget of ours, which counts those that we are made to send, too.
  nghttp2_option_set_stream_reset_rate_limit(options, UINT32_MAX, UINT32_MAX);
  return options;
}

bool H2Connection::has_room() const noexcept {
  return out_.size() < kMaxOutput;
}

// ---- reading ----

void H2Connection::on_io(net::IoEvents ready) noexcept {
  if (closed_) {
    return;
  }
  readable_ = readable_ || ready.readable;
  writable_ = writable_ || ready.writable;
  hangup_ = hangup_ || ready.hangup;
  if (writable_ && has_output()) {
    flush();
  }
  if (readable_ && !closed_) {
    receive();
  }
}

void H2Connection::on_resume() noexcept {
  on_deferred();  // what was read before has made room: the peer is told first
  if (!closed_) {
    receive();
  }
}

void H2Connection::receive() noexcept {
  size_t budget = kReadsPerTurn;
  bool looked_again = false;
  while (readable_ && !closed_ && may_read()) {
    if (budget == 0) {
      loop_.resume_later(*this);
      break;
    }
    if (!in_chunk_ || !in_chunk_.unique()) {
      in_chunk_ = make_chunk();
    }
    const net::IoResult result = transport_->read({in_chunk_.data(), kChunkSize});
    readable_ = result.more || (result.status == net::IoStatus::progress && hangup_);
    if (result.status == net::IoStatus::would_block) {
      if (hangup_ && transport_->secure() && !std::exchange(looked_again, true)) {
        readable_ = true;  // behind the part of a record there is an end, which no event will tell
        continue;
      }
      break;
    }
    if (result.status != net::IoStatus::progress) {
      on_input_end(result.error);
      return;
    }
    budget -= std::min(budget, result.bytes);
    received_ += result.bytes;
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
bool H2Connection::feed(std::string_view bytes) noexcept {
  if (ending_) {
    return true;  // thrown away
  }
  const ssize_t taken = nghttp2_session_mem_recv(
      framing_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  flush_later();
  if (taken < 0) {
    check(why_stopped(taken));
    return false;
  }
  return true;
}

// ---- limits (security.md 1F) ----

bool H2Connection::check(ErrorCode why) noexcept {
  if (why != ErrorCode::none) {
    fail(why, why == ErrorCode::h2_protocol ? NGHTTP2_PROTOCOL_ERROR : NGHTTP2_ENHANCE_YOUR_CALM);
  }
  return !ending_;
}

void H2Connection::fail(ErrorCode why, uint32_t code) noexcept {
  if (!ending_) {
    ending_ = true;
    nghttp2_session_terminate_session(framing_, code);
    on_failed(why);
    flush_later();
  }
}

// ---- writing ----

void H2Connection::on_deferred() noexcept {
  if (!closed_ && !connecting_) {
    flush();
  }
}

void H2Connection::flush() noexcept {
  if (lingering_) {
    if (transport_->pending()) {
      writable_ = transport_->write(out_, End::yes).status == net::IoStatus::progress;
    }
    return;
  }
  for (;;) {
    if (nghttp2_session_send(framing_) != 0) {
      on_framing_failed();
      return;
    }
    if (!has_output()) {
      write_timer_.cancel();
      break;
    }
    if (!write_timer_.armed()) {
      taken_mark_ = taken_;
      loop_.arm(write_timer_, write_timeout());
    }
    if (!writable_) {
      break;
    }
    const net::IoResult result = transport_->write(out_, End::no);
    taken_ += result.bytes;
    if (result.status == net::IoStatus::failed) {
      on_write_failed(result.error);
      return;
    }
    writable_ = result.status == net::IoStatus::progress;
    on_written(result.bytes);
  }
  after_flush();
  if (!closed_ && readable_ && may_read()) {
    loop_.resume_later(*this);
  }
}

void H2Connection::close_connection() noexcept {
  write_timer_.cancel();
  transport_.reset();
  out_.clear();
  in_chunk_.reset();
  Deferrable::unlink();
  Resumable::unlink();
}

// ---- what nghttp2 calls to write ----

ssize_t H2Callbacks::send(nghttp2_session* /*framing*/, const uint8_t* data, size_t size,
                          int /*flags*/, void* user) noexcept {
  H2Connection& connection = connection_of(user);
  if (!connection.has_room()) {
    return NGHTTP2_ERR_WOULDBLOCK;
  }
  connection.output().append(view(data, size));
  return static_cast<ssize_t>(size);
}

int H2Callbacks::send_data(nghttp2_session* /*framing*/, nghttp2_frame* /*frame*/,
                           const uint8_t* header, size_t size, nghttp2_data_source* source,
                           void* user) noexcept {
  H2Connection& connection = connection_of(user);
  if (!connection.has_room()) {
    return NGHTTP2_ERR_WOULDBLOCK;
  }
  constexpr size_t kFrameHeader = 9;
  if (!static_cast<H2Stream*>(source->ptr)->write_frame(view(header, kFrameHeader), size)) {
    return NGHTTP2_ERR_CALLBACK_FAILURE;  // never a frame of another length than its header's
  }
  connection.guard_.on_data_sent();
  return 0;
}

// ---- what nghttp2 calls at both ends ----

int H2Callbacks::begin_frame(nghttp2_session* /*framing*/, const nghttp2_frame_hd* header,
                             void* user) noexcept {
  H2Connection& connection = connection_of(user);
  return go_on(connection.check(
      connection.guard_.on_frame(header->type, header->length, connection.loop_.now())));
}

H2Callbacks::Part H2Callbacks::part_of(const H2Connection& connection, const uint8_t* data,
                                       size_t size) noexcept {
  const auto begin =
      static_cast<size_t>(reinterpret_cast<const char*>(data) - connection.in_chunk_.data());
  return {begin, begin + size};
}

nghttp2_session_callbacks* H2Callbacks::make() noexcept {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_send_callback(callbacks, send);
  nghttp2_session_callbacks_set_send_data_callback(callbacks, send_data);
  return callbacks;
}

}  // namespace pingap::session

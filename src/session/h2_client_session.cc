#include "session/h2_client_session.h"

#include <algorithm>

#include "http/limits.h"

namespace pingap::session {
namespace {

using http::h2::Code;
using http::h2::Framer;

// A backend that has said nothing for this long after a request gets no further ones, until it has
// said something.
constexpr Duration kSilence = std::chrono::seconds(5);
// Streams that are opened before the peer has said how many it allows.
constexpr uint32_t kUnsaidLimit = 100;

}  // namespace

H2ClientSession::H2ClientSession(net::EventLoop& loop, std::unique_ptr<net::Transport> transport,
                                 const ClientSettings& settings, ClientSessionOwner& owner,
                                 uint32_t max_streams) noexcept
    : H2Connection(loop, std::move(transport), http::h2::Role::client, max_streams),
      ClientSession(Kind::shared),
      owner_(owner),
      max_streams_(max_streams),
      connect_timeout_(settings.connect_timeout),
      write_timeout_(settings.write_timeout),
      idle_timeout_(settings.idle_timeout),
      expected_limit_(max_streams) {
  // A backend may stop reading while it sends: with both waiting for the other nothing would move.
  reads_always_ = true;
}

H2ClientSession::~H2ClientSession() = default;

bool H2ClientSession::start(bool connecting) noexcept {
  connecting_ = connecting;
  writable_ = !connecting;
  heard_at_ = loop_.now();
  if (!loop_.add(transport_->fd(), *this)) {
    return false;
  }
  framer_.start(Framer::Connect::plain);
  if (!connecting && transport_->has_input()) {
    readable_ = true;
    loop_.resume_later(*this);
  }
  loop_.arm(read_timer_, connecting ? connect_timeout_ : idle_timeout_);
  return true;
}

// ---- streams ----

uint32_t H2ClientSession::limit() const noexcept {
  if (received_ == 0) {
    return std::min(expected_limit_, kUnsaidLimit);
  }
  return std::min(max_streams_, framer_.peer().max_concurrent_streams);
}

bool H2ClientSession::leaving() const noexcept {
  return leaving_ || closed_ || ending_ || !framer_.takes_requests();
}

bool H2ClientSession::allows_extended_connect() const noexcept {
  return framer_.peer().enable_connect_protocol;
}

bool H2ClientSession::takes_new() noexcept {
  const TimePoint now = loop_.now();
  if (leaving() || full() || now < refused_until_) {
    return false;
  }
  if (asked_at_ == TimePoint{} || now - asked_at_ < kSilence) {
    return true;
  }
  if (!std::exchange(pinged_, true)) {
    framer_.ping();
    flush_later();
  }
  return false;
}

http::ClientStream& H2ClientSession::open(http::ResponseSink& sink,
                                          const ClientSettings& settings) noexcept {
  auto* stream = new H2ClientStream(*this, sink, settings);  // NOLINT: out of memory ends us
  streams_.push_back(*stream);
  ++count_;
  was_full_ = was_full_ || full();
  if (!connecting_) {
    read_timer_.cancel();
    note_request();
  }
  return *stream;
}

void H2ClientSession::note_request() noexcept {
  if (asked_at_ == TimePoint{}) {
    asked_at_ = loop_.now();
  }
}

void H2ClientSession::on_stream_timeout() noexcept {
  if (asked_at_ != TimePoint{}) {
    leaving_ = true;
  }
}

void H2ClientSession::on_stream_gone(H2ClientStream& stream) noexcept {
  forget(stream);
  delete &stream;
}

void H2ClientSession::forget(H2ClientStream& stream) noexcept {
  stream.ListHook<H2ClientStreamTag>::unlink();
  --count_;
  changed_ = true;
  ended_ = true;
  flush_later();
}

// ---- reading ----

void H2ClientSession::on_io(net::IoEvents ready) noexcept {
  if (connecting_ && !closed_) {
    readable_ = readable_ || ready.readable;
    writable_ = writable_ || ready.writable;
    hangup_ = hangup_ || ready.hangup;
    if (writable_) {
      on_connect_ready();
    }
    if (connecting_) {
      return;
    }
  }
  H2Connection::on_io(ready);
}

void H2ClientSession::on_connect_ready() noexcept {
  const Connecting state = connect_further(*transport_, hangup_, owner_, loop_.now());
  if (state.failure) {
    detail_ = state.failure.detail;
    close(state.failure.code, state.failure.sys);
    return;
  }
  if (!state.done) {
    return;
  }
  if (state.tls && !state.h2) {
    owner_.on_other_protocol(*this, transport_);
    close(ErrorCode::upstream_protocol, 0);
    return;
  }
  connecting_ = false;
  heard_at_ = loop_.now();
  if (count_ == 0) {
    loop_.arm(read_timer_, idle_timeout_);
  } else {
    read_timer_.cancel();
    note_request();
  }
  for_each_stream([](H2ClientStream& stream) { stream.on_connected(); });
  for_each_stream([](H2ClientStream& stream) { stream.begin_held(); });
  flush_later();
}

// Each once, whichever of them the sinks give up meanwhile.
void H2ClientSession::for_each_stream(void (*tell)(H2ClientStream&)) noexcept {
  for (uint32_t left = count_; left > 0 && !streams_.empty(); --left) {
    H2ClientStream& stream = *streams_.pop_front();
    streams_.push_back(stream);
    tell(stream);
  }
}

void H2ClientSession::watch_reading() noexcept {
  if (received_ != heard_) {
    heard_ = received_;
    heard_at_ = loop_.now();
    asked_at_ = {};
    pinged_ = false;
  }
}

void H2ClientSession::on_input_end(int error) noexcept {
  close(error == 0 ? ErrorCode::upstream_closed : ErrorCode::upstream_reset, error);
}

// ---- writing ----

void H2ClientSession::on_written(size_t bytes) noexcept {
  if (bytes > 0) {
    taken_at_ = loop_.now();
    loop_.arm(write_timer_, write_timeout_);
  }
}

void H2ClientSession::on_write_failed(int error) noexcept {
  // The backend may have answered before it closed: what it said counts.
  out_.clear();
  writable_ = false;
  readable_ = true;
  while (readable_ && !closed_ && !ending_) {
    receive();
  }
  if (!closed_) {
    close(ErrorCode::upstream_reset, error);
  }
}

void H2ClientSession::after_flush() noexcept {
  if ((ending_ || framer_.is_over()) && !has_output()) {
    close(ErrorCode::upstream_bad_framing, 0);
    return;
  }
  if (std::exchange(changed_, false)) {
    look_again();
  }
}

// Streams have ended, or the backend has said something: what that means to the connection.
void H2ClientSession::look_again() noexcept {
  const bool emptied = std::exchange(ended_, false) && count_ == 0;
  was_full_ = was_full_ || full();  // the backend may have lowered its limit
  if (count_ == 0 && leaving()) {
    close();
    return;
  }
  if (count_ == 0 && !connecting_ && !read_timer_.armed()) {
    loop_.arm(read_timer_, idle_timeout_);
  }
  if (emptied || (was_full_ && !full())) {
    was_full_ = false;
    owner_.on_session_free(*this);
  }
}

// ---- ends and deadlines ----

void H2ClientSession::drain() noexcept {
  leaving_ = true;
  if (count_ == 0) {
    close();
  }
}

void H2ClientSession::on_read_timer() noexcept {
  if (connecting_) {
    close(connect_timed_out(owner_), 0);
  } else if (count_ == 0) {
    close();
  }
}

void H2ClientSession::on_write_timer() noexcept {
  close(ErrorCode::upstream_write_timeout, 0);
}

void H2ClientSession::close() noexcept {
  if (!closed_) {
    say_goodbye();
    close(ErrorCode::shutting_down, 0);
  }
}

// So that the backend does not take the end for a failure (RFC 9113 6.8).
void H2ClientSession::say_goodbye() noexcept {
  if (connecting_ || !writable_ || received_ == 0) {
    return;
  }
  framer_.terminate(Code::no_error);
  transport_->write(out_, End::yes);
}

void H2ClientSession::close(ErrorCode code, int error) noexcept {
  if (closed_) {
    return;
  }
  closed_ = true;
  read_timer_.cancel();
  fields_.reset();
  owner_.on_session_gone(*this);
  ListHook<ClientSessionTag>::unlink();
  end_streams(code, error);
  close_connection();
  loop_.retire(this);
}

void H2ClientSession::end_streams(ErrorCode code, int error) noexcept {
  framer_.stop();
  while (H2ClientStream* stream = streams_.pop_front()) {
    stream->on_lost(code, error);
    delete stream;
  }
  count_ = 0;
}

}  // namespace pingap::session

// The life of a connection to a backend: connect, open, ends, deadlines.
#include "session/h1_client_session.h"

namespace pingap::session {

H1ClientSession::H1ClientSession(net::EventLoop& loop, std::unique_ptr<net::Transport> transport,
                                 const ClientSettings& settings, ClientSessionOwner& owner) noexcept
    : H1Connection(loop, std::move(transport)),
      ClientSession(Kind::exclusive),
      settings_(&settings),
      owner_(owner),
      idle_timeout_(settings.idle_timeout) {
}

bool H1ClientSession::start(bool connecting) noexcept {
  connecting_ = connecting;
  writable_ = !connecting;
  heard_at_ = loop_.now();
  if (!connecting && transport_->has_input()) {
    readable_ = true;
    loop_.resume_later(*this);
  }
  loop_.arm(read_timer_, connecting ? settings_->connect_timeout : idle_timeout_);
  return loop_.add(transport_->fd(), *this).has_value();
}

http::ClientStream& H1ClientSession::open(http::ResponseSink& sink,
                                          const ClientSettings& settings) noexcept {
  sink_ = &sink;
  settings_ = &settings;
  ListHook<ClientSessionTag>::unlink();
  reading_ = Reading::head;
  partial_head_ = false;
  head_seen_ = false;
  request_over_ = false;
  keep_alive_ = true;
  sent_ = 0;
  unreleased_ = 0;
  body_unsent_ = 0;
  in_pipe_ = nullptr;
  pipe_full_ = false;
  return *this;
}

void H1ClientSession::on_connect_ready() noexcept {
  const Connecting state = connect_further(*transport_, hangup_, owner_, loop_.now());
  if (state.failure) {
    fail(state.failure.code, state.failure.sys, state.failure.detail);
    return;
  }
  if (!state.done) {
    return;
  }
  if (state.h2) {
    owner_.on_other_protocol(*this, transport_);
    fail(ErrorCode::upstream_protocol, 0);
    return;
  }
  connecting_ = false;
  if (sink_ != nullptr) {
    sink_->on_connected();
  }
  loop_.arm(read_timer_, sink_ != nullptr ? settings_->read_timeout : idle_timeout_);
  watch_writing();
  flush_later();
}

// ---- ends ----

void H1ClientSession::on_input_end() noexcept {
  switch (reading_) {
    case Reading::idle:
      left_by_peer_ = true;
      close();
      break;
    case Reading::head:
      fail(ErrorCode::upstream_closed, 0);
      break;
    case Reading::body:
      if (!reader_.close_ends()) {
        fail(ErrorCode::upstream_truncated, 0);
        break;
      }
      reading_ = Reading::done;
      keep_alive_ = false;
      {
        ByteQueue none;
        sink_->on_body(none, End::yes);
      }
      end_response();
      break;
    case Reading::tunnel: {
      ByteQueue none;
      sink_->on_body(none, End::yes);
      flush_later();
      break;
    }
    case Reading::done:
      break;
  }
}

void H1ClientSession::on_failure(int error) noexcept {
  if (reading_ == Reading::done) {
    // The whole answer is here; only what we were still sending is lost.
    request_over_ = true;
    keep_alive_ = false;
    drop_output();
    if (sink_ != nullptr) {
      finish();
    }
    return;
  }
  fail(reading_ == Reading::body ? ErrorCode::upstream_truncated : ErrorCode::upstream_reset,
       error);
}

void H1ClientSession::fail(ErrorCode code, int error, const char* detail) noexcept {
  if (closed_) {
    return;
  }
  Error why{code, Side::upstream, Retry::never, error, detail};
  if (sent_ == 0) {
    why.retry = Retry::safe;  // the backend has not seen a byte
  } else if (reused() && !head_seen_) {
    why.retry = Retry::if_reused;
  }
  http::ResponseSink* sink = std::exchange(sink_, nullptr);
  close();
  if (sink != nullptr) {
    sink->on_closed(why);
  }
}

void H1ClientSession::reset(ErrorCode why) noexcept {
  sink_ = nullptr;
  if (why == ErrorCode::none && reading_ == Reading::tunnel && request_over_ && input_ended_ &&
      has_output()) {
    lingers_ = true;  // both have ended well: the backend is still to take the last bytes
    owner_.on_session_lingers(*this);
    return;
  }
  close();
}

void H1ClientSession::close() noexcept {
  if (closed_) {
    return;
  }
  read_timer_.cancel();
  write_timer_.cancel();
  owner_.on_session_gone(*this);
  ListHook<ClientSessionTag>::unlink();
  close_connection();
}

// ---- deadlines ----

void H1ClientSession::on_read_timer() noexcept {
  if (connecting_) {
    fail(connect_timed_out(owner_), 0);
    return;
  }
  switch (reading_) {
    case Reading::idle:
      close();
      break;
    case Reading::head:
      if (awaits_request()) {
        loop_.arm(read_timer_, settings_->read_timeout);
        break;
      }
      fail(ErrorCode::upstream_timeout, 0);
      break;
    case Reading::body:
      if (!wants_input() || awaits_request()) {
        loop_.arm(read_timer_, settings_->read_timeout);  // it is the client that does not take it
        break;
      }
      fail(ErrorCode::upstream_idle_timeout, 0);
      break;
    case Reading::tunnel:
      fail(ErrorCode::tunnel_idle, 0);
      break;
    case Reading::done:
      break;
  }
}

bool H1ClientSession::awaits_request() const noexcept {
  return !request_over_ && !has_output() && !write_failed_;
}

void H1ClientSession::on_write_timer() noexcept {
  if (has_output()) {
    fail(ErrorCode::upstream_write_timeout, 0);
  }
}

}  // namespace pingap::session

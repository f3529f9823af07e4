// The life of a client connection: start, the turn from one request to the next, ends, deadlines.
#include "session/h1_server_session.h"

#include <algorithm>

#include "http/limits.h"

namespace pingap::session {
namespace {

using http::Framing;

namespace limits = http::limits;

// How long a closing connection throws input away so that the answer is read before a reset can
// overtake it (RFC 9112 9.6), and how long an answered request's body may keep coming.
constexpr Duration kLinger = std::chrono::seconds(2);
// A client that takes less than this within write_timeout is stalled.
constexpr uint64_t kWriteProgress = 1024;

}  // namespace

H1ServerSession::H1ServerSession(net::EventLoop& loop, std::unique_ptr<net::Transport> transport,
                                 const Peer& peer, const ServerSettings& settings,
                                 RequestAcceptor& acceptor) noexcept
    : H1Connection(loop, std::move(transport)), ServerSession(peer, settings), acceptor_(acceptor) {
}

bool H1ServerSession::start() noexcept {
  arm_read(settings().header_timeout);
  if (transport_->has_input()) {
    readable_ = true;
    loop_.resume_later(*this);
  }
  return loop_.add(transport_->fd(), *this).has_value();
}

void H1ServerSession::drain() noexcept {
  draining_ = true;
  if (waiting()) {
    // What is already in the socket was sent before the client could know: answer it.
    readable_ = true;
    receive();
    if (waiting()) {
      close();
    }
  }
}

void H1ServerSession::drain_gently() noexcept {
  promised_ = true;
  if (waiting()) {
    serve_one();
  } else {
    draining_ = true;
  }
}

void H1ServerSession::serve_one() noexcept {
  draining_ = true;
  arm_read(std::min(kLinger, settings().header_timeout));
}

void H1ServerSession::abort() noexcept {
  fail({ErrorCode::shutting_down, Side::local, Retry::never, 0, nullptr});
}

// ---- ends ----

void H1ServerSession::finish_exchange() noexcept {
  if (sink_ == nullptr) {
    return;
  }
  http::RequestSink* sink = std::exchange(sink_, nullptr);
  sink->on_closed({});
  if (closed_) {
    return;
  }
  unreleased_ = 0;
  body_unsent_ = 0;
  in_pipe_ = nullptr;
  pipe_full_ = false;
  if (reading_ == Reading::tunnel) {
    close();
  } else if (!keep_alive_) {
    linger();
  } else if (reading_ == Reading::body) {
    reading_ = Reading::drain;
    drained_ = 0;
    arm_read(kLinger);
    discard_body();
    if (!closed_ && readable_) {
      loop_.resume_later(*this);
    }
  } else {
    next_request();
  }
}

void H1ServerSession::next_request() noexcept {
  if (draining_ && !promised_ && input().empty()) {
    linger();
    return;
  }
  release_empty_input();
  reading_ = Reading::head;
  writing_ = Writing::none;
  if (draining_) {
    serve_one();
  } else {
    arm_read(input().empty() ? settings().keepalive_timeout : settings().header_timeout);
  }
  on_input();
  if (!closed_ && readable_) {
    loop_.resume_later(*this);
  }
}

void H1ServerSession::linger() noexcept {
  const bool clean = !refused_ && reading_ == Reading::waiting && input().empty() && !readable_;
  if (clean || input_ended_) {
    close();
    return;
  }
  reading_ = Reading::linger;
  write_timer_.cancel();
  drained_ = 0;
  discard_input();
  transport_->shutdown_write();
  arm_read(kLinger);
  loop_.resume_later(*this);
}

void H1ServerSession::fail(const Error& why) noexcept {
  if (closed_) {
    return;
  }
  http::RequestSink* sink = std::exchange(sink_, nullptr);
  if (sink != nullptr) {
    transport_->break_off();
    if (writing_ == Writing::body && out_framing_ == Framing::until_close) {
      transport_->abort_on_close();
    }
    sink->on_closed(why);
  }
  close();
}

void H1ServerSession::close() noexcept {
  if (closed_) {
    return;
  }
  read_timer_.cancel();
  write_timer_.cancel();
  ListHook<ServerSessionTag>::unlink();
  acceptor_.on_session_closed(*this);
  close_connection();
}

void H1ServerSession::on_write_failure(int error) noexcept {
  fail({ErrorCode::client_reset, Side::downstream, Retry::never, error, "write"});
}

// ---- deadlines ----

void H1ServerSession::on_read_timer() noexcept {
  switch (reading_) {
    case Reading::head:
      if (partial_head_) {
        refuse(ErrorCode::header_timeout);
      } else {
        close();
      }
      break;
    case Reading::body:
      // It is the backend that does not take it; or the answer is on its way meanwhile, as where
      // both sides talk at once.
      if (!wants_input() || std::exchange(answering_, false)) {
        arm_read(settings().body_timeout);
        break;
      }
      refuse(ErrorCode::body_timeout);
      break;
    case Reading::tunnel:
      fail({ErrorCode::tunnel_idle, Side::downstream, Retry::never, 0, nullptr});
      break;
    case Reading::drain:
      linger();
      break;
    case Reading::linger:
      close();
      break;
    case Reading::waiting:
      break;
  }
}

void H1ServerSession::on_write_timer() noexcept {
  if (written_mark_ >= kWriteProgress) {
    written_mark_ = 0;
    loop_.arm(write_timer_, settings().write_timeout);
    return;
  }
  transport_->abort_on_close();
  fail({ErrorCode::client_stalled, Side::downstream, Retry::never, 0, nullptr});
}

}  // namespace pingap::session

// What a client connection writes: answers, and how they are framed and kept apart.
#include <algorithm>

#include "http/h1/serializer.h"
#include "http/limits.h"
#include "session/h1_server_session.h"

namespace pingap::session {
namespace {

using http::Framing;

namespace limits = http::limits;

}  // namespace

bool H1ServerSession::settle_keep_alive(const http::ResponseHead& head) const noexcept {
  if (!keep_alive_ || !head.keep_alive || draining_ || head.framing == Framing::until_close) {
    return false;
  }
  if (reading_ != Reading::body) {
    return true;
  }
  // The rest of the body would have to be read away first: only when it is known to be small and
  // the client is not waiting for a 100 it will not get (RFC 9110 10.1.1).
  return !expects_continue_ && reader_.remaining() <= limits::kDrain;
}

void H1ServerSession::send_head(http::ResponseHead& head, End end) noexcept {
  if (version_ == http::Version::http10 && head.framing == Framing::chunked) {
    head.framing = Framing::until_close;
  } else if (version_ != http::Version::http10 && head.framing == Framing::until_close) {
    head.framing = Framing::chunked;
  }
  if (head_request_ && (head.framing == Framing::chunked || head.framing == Framing::until_close)) {
    head.framing = Framing::none;
  }
  const bool tunnel = head.framing == Framing::tunnel;
  keep_alive_ = !tunnel && settle_keep_alive(head);
  const http::h1::ResponseStyle style{.client = version_, .keep_alive = keep_alive_, .date = true};
  head_unsent_ = out_.empty();  // an interim answer before it cannot be taken back
  http::h1::write_response(head, style, out_);
  out_framing_ = head_request_ ? Framing::none : head.framing;
  writing_ = Writing::body;
  watch_writing();
  if (tunnel) {
    reading_ = Reading::tunnel;
    reader_.start(Framing::tunnel, 0);
    arm_read(settings().tunnel_timeout);
    loop_.resume_later(*this);
    if (!input().empty()) {
      read_body();
    }
  }
  if (end == End::yes) {
    finish_writing();
  }
  flush_later();
}

void H1ServerSession::send_interim(const http::ResponseHead& head) noexcept {
  // A client that reads too slowly gets none (RFC 9110 15.2): but for the one that it waits for.
  if (version_ == http::Version::http10 ||
      (head.status != 100 && out_.size() > http::limits::kInterimUnsent)) {
    return;
  }
  if (head.status == 100) {
    expects_continue_ = false;
  }
  http::h1::write_response(head, {.client = version_, .keep_alive = true, .date = false}, out_);
  watch_writing();
  flush_later();
}

bool H1ServerSession::unsend() noexcept {
  if (!head_unsent_ || piped_ > 0 || reading_ == Reading::tunnel) {
    return false;
  }
  out_.clear();
  body_unsent_ = 0;
  head_unsent_ = false;
  writing_ = Writing::none;
  keep_alive_ = false;  // whatever went wrong, this connection has seen enough
  return true;
}

void H1ServerSession::send_body(ByteQueue& data, End end) noexcept {
  if (out_framing_ == Framing::none) {
    data.clear();
  }
  frame_body(data, end, nullptr);
  watch_writing();
  if (end == End::yes) {
    finish_writing();
  }
}

void H1ServerSession::send_piped(Pipe& pipe, size_t bytes, End end) noexcept {
  write_piped(pipe, bytes);
  watch_writing();
  if (end == End::yes) {
    finish_writing();
  }
}

void H1ServerSession::watch_writing() noexcept {
  if (!write_timer_.armed()) {
    written_mark_ = 0;
    loop_.arm(write_timer_, settings().write_timeout);
  }
}

void H1ServerSession::send_trailers(const http::HeaderMap& trailers) noexcept {
  ByteQueue none;
  frame_body(none, End::yes, &trailers);
  watch_writing();
  finish_writing();
}

void H1ServerSession::finish_writing() noexcept {
  writing_ = Writing::done;
  fin_follows_ = !keep_alive_ && reading_ != Reading::tunnel;
  flush_later();
}

void H1ServerSession::reset(ErrorCode /*why*/) noexcept {
  // Without a length or a last chunk the end of the connection would look like the end of the
  // body (RFC 9112 8): a reset does not.
  if (writing_ == Writing::body && out_framing_ == Framing::until_close) {
    transport_->abort_on_close();
  }
  transport_->break_off();
  sink_ = nullptr;
  if (writable_ && !out_.empty()) {
    transport_->write(out_, End::yes);  // as far as it goes
  }
  close();
}

void H1ServerSession::on_output(size_t bytes) noexcept {
  written_mark_ += bytes;
  answering_ = writing_ != Writing::none;
  head_unsent_ = false;
  if (reading_ == Reading::tunnel) {
    arm_read(settings().tunnel_timeout);
  }
  // Bytes of the head count as body here, early; but what is in the pipe is not reported before it
  // has left that.
  const size_t body = std::min(bytes, body_unsent_ - piped_);
  body_unsent_ -= body;
  if (body > 0 && sink_ != nullptr) {
    sink_->on_sent(body);
  }
}

void H1ServerSession::after_output() noexcept {
  if (has_output()) {
    return;
  }
  write_timer_.cancel();
  if (writing_ != Writing::done) {
    return;
  }
  if (reading_ == Reading::tunnel) {
    if (out_framing_ == Framing::tunnel) {
      out_framing_ = Framing::none;  // the FIN goes out once
      transport_->shutdown_write();
    }
    if (!input_ended_ || unreleased_ > 0) {
      return;  // the backend is still to take what the client sent
    }
  }
  finish_exchange();
}

}  // namespace pingap::session

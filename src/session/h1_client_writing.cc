// What a connection to a backend writes: the request, and what becomes of it when the backend stops
// reading.
#include <algorithm>

#include "http/h1/serializer.h"
#include "session/h1_client_session.h"

namespace pingap::session {

using http::Framing;

void H1ClientSession::send_head(const http::RequestHead& head, End end) noexcept {
  method_ = head.method;
  websocket_ = head.websocket;
  http::h1::write_request(head, {.keep_alive = true}, out_);
  out_framing_ = head.framing;
  if (!connecting_) {
    loop_.arm(read_timer_, settings_->read_timeout);
    watch_writing();
  }
  if (end == End::yes) {
    end_request();
  }
  flush_later();
}

void H1ClientSession::send_body(ByteQueue& data, End end) noexcept {
  if (write_failed_) {
    body_unsent_ += data.size();  // lost, and given back by after_output()
    data.clear();
    flush_later();
  } else {
    frame_body(data, end, nullptr);
    if (!connecting_) {
      watch_writing();
    }
  }
  if (end == End::yes) {
    end_request();
  }
}

void H1ClientSession::send_piped(Pipe& pipe, size_t bytes, End end) noexcept {
  if (write_failed_) {
    body_unsent_ += bytes;  // as in send_body()
    pipe.discard();
    flush_later();
  } else {
    write_piped(pipe, bytes);
    if (!connecting_) {
      watch_writing();
    }
  }
  if (end == End::yes) {
    end_request();
  }
}

void H1ClientSession::send_trailers(const http::HeaderMap& trailers) noexcept {
  if (!write_failed_) {
    ByteQueue none;
    frame_body(none, End::yes, &trailers);
    if (!connecting_) {
      watch_writing();
    }
  }
  end_request();
}

void H1ClientSession::end_request() noexcept {
  request_over_ = true;
  flush_later();
}

void H1ClientSession::watch_writing() noexcept {
  if (!write_timer_.armed()) {
    loop_.arm(write_timer_, settings_->write_timeout);
  }
}

void H1ClientSession::on_output(size_t bytes) noexcept {
  sent_ += bytes;
  if (reading_ != Reading::idle) {
    loop_.arm(read_timer_,
              reading_ == Reading::tunnel ? settings_->tunnel_timeout : settings_->read_timeout);
  }
  if (has_output()) {
    loop_.arm(write_timer_, settings_->write_timeout);
  }
  // Bytes of the head count as body here, early; but what is in the pipe is not reported before it
  // has left that.
  const size_t body = std::min(bytes, body_unsent_ - piped_);
  body_unsent_ -= body;
  if (body > 0 && sink_ != nullptr) {
    sink_->on_sent(body);
  }
}

void H1ClientSession::after_output() noexcept {
  if (has_output()) {
    return;
  }
  write_timer_.cancel();
  if (write_failed_) {
    give_back_lost();
  }
  if (!request_over_ || closed_) {
    return;
  }
  if (reading_ == Reading::tunnel) {
    if (out_framing_ == Framing::tunnel) {
      out_framing_ = Framing::none;  // the FIN goes out once
      transport_->shutdown_write();
    }
    if (!input_ended_) {
      return;
    }
    reading_ = Reading::done;
    keep_alive_ = false;
  }
  if (reading_ == Reading::done) {
    finish();
  }
}

void H1ClientSession::on_write_failure(int error) noexcept {
  // The backend may have answered before it closed (RFC 9112 9.5): what it said counts.
  if (piped_ > 0) {
    out_pipe_->discard();
  }
  drop_output();
  write_failed_ = true;
  keep_alive_ = false;
  write_timer_.cancel();
  if (reading_ == Reading::done) {
    on_failure(error);
    return;
  }
  if (reading_ == Reading::idle || input_ended_) {
    fail(ErrorCode::upstream_reset, error);
    return;
  }
  give_back_lost();
  readable_ = true;
  receive();
}

// Bytes that the backend will not take any more are not held against the client's window.
void H1ClientSession::give_back_lost() noexcept {
  if (body_unsent_ > 0 && sink_ != nullptr) {
    sink_->on_sent(std::exchange(body_unsent_, 0));
  }
}

}  // namespace pingap::session

// The bodies of a request and its response, piece by piece as they come: behind steps 4 and 6 of
// forwarder.cc.
#include "http/limits.h"
#include "proxy/forwarder.h"
#include "proxy/header_policy.h"

namespace pingap::proxy {

namespace limits = http::limits;

using http::Framing;

// ---- of the request, to the backend

void Forwarder::on_body(ByteQueue& data, End end) noexcept {
  x.request_bytes += data.size();
  if (tunnel_) {
    if (upstream() != nullptr) {
      upstream()->send_body(data, end);
    }
    return;
  }
  if (answered()) {
    request_body_.discard(data);
    return;
  }
  if (route_ != nullptr && route_->max_body > 0 && x.request_bytes > route_->max_body) {
    on_refused(ErrorCode::body_too_large, {});
    return;
  }
  if (plugins_) {
    if (hold_body(data, end)) {
      return;
    }
    if (auto filtered = request_filters_.run(data, end); !filtered) {
      on_refused(filtered.error().code, {});
      return;
    }
    if (data.empty() && end == End::no) {
      return;  // it is kept back
    }
  }
  if (web_) {
    if (auto read = web_->read(data, end); !read) {
      on_refused(read.error().code, {});
      return;
    }
    if (data.empty() && end == End::no) {
      return;  // of a group of base64 the rest is to come
    }
  }
  const bool was_replayable = request_body_.replayable();
  if (auto taken = request_body_.take(data, end, x.request_bytes, upstream()); !taken) {
    answer_error(taken.error().code, Side::local);
    return;
  }
  if (end == End::yes && phase_ == Phase::buffering) {
    try_backend();
  } else if (was_replayable && !request_body_.replayable() && upstream() != nullptr &&
             x.request.framing == Framing::length && request_filters_.empty()) {
    offer_pipe(*client_, *upstream(), x.request.content_length - x.request_bytes);
  }
}

// A long rest of a body goes from one socket to the other inside the kernel, where both can.
void Forwarder::offer_pipe(http::Stream& from, const http::Stream& to, uint64_t rest) noexcept {
  if (rest < limits::kPipeFrom || pipe_ != nullptr || !to.can_send_piped()) {
    return;
  }
  pipe_ = Pipe::take();
  if (pipe_ != nullptr) {
    from.receive_by(*pipe_);
  }
}

void Forwarder::on_piped(size_t bytes, End end) noexcept {
  x.request_bytes += bytes;
  if (end == End::yes) {
    request_body_.set_over();
  }
  if (upstream() != nullptr) {
    upstream()->send_piped(*pipe_, bytes, end);
    return;
  }
  pipe_->discard();  // answered already
  client_->release_window(bytes);
}

void Forwarder::on_trailers(http::HeaderMap& trailers) noexcept {
  if (answered() || web_ || route_ == nullptr || holds_body_ || !request_filters_.empty() ||
      !(route_->pass_trailers || x.grpc)) {
    ByteQueue none;
    on_body(none, End::yes);
    return;
  }
  filter_request_trailers(x, site_, *route_, trailers);
  request_body_.take_trailers(trailers, upstream());
  if (phase_ == Phase::buffering) {
    try_backend();
  }
}

void Forwarder::on_request_sent(uint64_t body_bytes) noexcept {
  if (client_gone_ || upstream() == nullptr) {
    return;
  }
  if (auto sent = request_body_.on_sent(body_bytes, *upstream()); !sent) {
    on_attempt_failed(*attempt_, sent.error());
  }
}

// ---- of the response, to the client

void Forwarder::on_response_piped(size_t bytes, End end) noexcept {
  x.response_bytes += bytes;
  client_->send_piped(*pipe_, bytes, end);
  if (end == End::yes) {
    end_response();
  }
}

void Forwarder::on_response_body(ByteQueue& data, End end) noexcept {
  if (end == End::yes && web_ && web_->bridging()) {
    if (!data.empty()) {
      on_response_body(data, End::no);
    }
    http::HeaderMap none;
    on_response_trailers(none);  // its client is told how the call went all the same
    return;
  }
  x.response_bytes += data.size();
  if (auto taken = response_body_.take(data, end, *attempt_->stream()); !taken) {
    abort_response(taken.error().code, Side::local);
    return;
  }
  if (end == End::yes) {
    end_response();
  }
}

void Forwarder::on_response_trailers(http::HeaderMap& trailers) noexcept {
  if (response_body_.buffered() || !(route_->pass_trailers || x.grpc)) {
    ByteQueue none;
    on_response_body(none, End::yes);
    return;
  }
  if (web_ && !web_->between_messages()) {
    abort_response(ErrorCode::upstream_truncated, Side::upstream);
    return;
  }
  filter_response_trailers(x, site_, *route_, trailers);
  client_->send_trailers(trailers);
  end_response();
}

void Forwarder::on_sent(size_t bytes) noexcept {
  if (filtered_) {
    bytes = filtered_->on_sent(bytes);
  }
  if (source_ != nullptr) {
    source_in_flight_ -= std::min<uint64_t>(bytes, source_in_flight_);
    pump_source();
    return;
  }
  if (auto sent = response_body_.on_sent(web_ ? web_->on_sent(bytes) : bytes, upstream()); !sent) {
    abort_response(sent.error().code, Side::local);
  }
}

}  // namespace pingap::proxy

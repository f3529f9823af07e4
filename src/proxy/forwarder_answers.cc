// The ways of a request that the backend does not answer to the end: refused, failed, out of time;
// and the end of all of them. The way before: forwarder.cc.
#include "http/grpc.h"
#include "http/h1/refused_line.h"
#include "http/status.h"
#include "proxy/forwarder.h"
#include "proxy/frontend.h"
#include "proxy/grpc_error.h"
#include "proxy/header_policy.h"
#include "proxy/worker.h"

namespace pingap::proxy {

using http::Framing;
using http::Method;

// ---- 7 answers of our own ----

void Forwarder::on_refused(ErrorCode why, std::string_view head) noexcept {
  if (phase_ == Phase::answered) {
    return;  // the answer is complete and goes out; the rest of the request is not missed
  }
  note_refused(head);
  x.reason_side = Side::downstream;
  if (attempt_) {
    attempt_->abandon(why);
  }
  if (phase_ == Phase::responding) {
    abort_response(why, Side::downstream);
    return;
  }
  answer_error(why, Side::downstream);
}

void Forwarder::on_malformed(ErrorCode why, std::string_view head) noexcept {
  note_refused(head);
  x.request.version = http::Version::http2;  // the protocol that does so
  on_closed({why, Side::downstream, Retry::never, 0, nullptr});
}

// For the log: what there was of a head that is no request.
void Forwarder::note_refused(std::string_view head) noexcept {
  if (head.empty()) {
    return;
  }
  const http::h1::RefusedLine line = http::h1::read_refused_line(head);
  x.request.method_text = x.arena.copy(line.method);
  x.request.target = x.arena.copy(line.target);
  x.request.version = line.version;
}

void Forwarder::answer_error(ErrorCode why, Side side) noexcept {
  phase_ = Phase::answered;
  x.reason = why;
  x.reason_side = side;
  request_body_.forbid_replay();
  if (attempt_) {
    attempt_->abandon(why);
  }
  x.response = {};
  http::ResponseHead& out = x.response;
  ByteQueue body;
  if (x.grpc) {
    render_grpc_error(why, x.arena, out);
    if (web_) {
      add_response_edits(x, *route_);  // without those of CORS a browser shows it to nobody
    }
  } else {
    frontend_.worker().snapshot().error_pages.render(http::status_for(why), why,
                                                     x.request.headers.get(http::HeaderId::accept),
                                                     x.arena, out, body);
  }
  x.status = out.status;
  // What follows a CONNECT may be meant for the other end of the tunnel that there is not.
  out.keep_alive = x.request.method != Method::connect;
  if (x.request.method == Method::head) {
    body.clear();
  }
  x.response_bytes = body.size();
  client_->send_head(out, body.empty() ? End::yes : End::no);
  if (!body.empty()) {
    client_->send_body(body, End::yes);
  }
}

// The head is out, the rest will not come: the client must see that it is not whole.
void Forwarder::abort_response(ErrorCode why, Side side) noexcept {
  // Bad framing shows right behind the head, before anything has left: that can still be a clean
  // 502. A body that breaks off is shown as it is, broken off.
  if (!client_gone_ && why == ErrorCode::upstream_bad_framing && client_->unsend()) {
    response_body_.drop();
    answer_error(why, side);
    return;
  }
  x.reason = why;
  x.reason_side = side;
  if (!client_gone_) {
    client_gone_ = true;
    client_->reset(why);
  }
  finish();
}

// ---- deadlines of gRPC ----

// A call of gRPC says how long all of it may take. False: it is answered.
bool Forwarder::watch_deadline() noexcept {
  const http::Field* field = x.grpc ? x.request.headers.find("grpc-timeout") : nullptr;
  if (field == nullptr) {
    return true;
  }
  const auto longest = http::parse_grpc_timeout(field->value());
  if (!longest) {
    answer_error(ErrorCode::bad_header, Side::downstream);
    return false;
  }
  frontend_.worker().loop().arm(deadline_, *longest);
  return true;
}

void Forwarder::on_deadline() noexcept {
  if (answered()) {
    return;
  }
  if (phase_ != Phase::responding) {
    answer_error(ErrorCode::deadline_exceeded, Side::local);
    return;
  }
  if (x.response.framing == Framing::length || (web_ && !web_->between_messages())) {
    abort_response(ErrorCode::deadline_exceeded, Side::local);  // trailers cannot end it early
    return;
  }
  phase_ = Phase::answered;
  x.reason = ErrorCode::deadline_exceeded;
  attempt_->abandon(x.reason);
  client_->send_trailers(grpc_error_trailers(x.reason, x.arena));
}

// ---- 8 the end ----

void Forwarder::on_closed(const Error& why) noexcept {
  client_gone_ = true;
  if (why && x.reason == ErrorCode::none) {
    x.reason = why.code;
    x.reason_side = why.side;
  }
  finish();
}

void Forwarder::finish() noexcept {
  if (phase_ == Phase::done) {
    return;
  }
  phase_ = Phase::done;
  deadline_.cancel();
  net::Deferrable::unlink();
  if (attempt_) {
    attempt_->abandon(x.reason);
  }
  x.finished = frontend_.worker().loop().now();
  if (web_) {
    x.response_bytes = web_->sent_bytes();
  }
  if (x.status == 0) {
    x.status = http::status_for(x.reason);
  }
  frontend_.on_exchange_done(x);
  frontend_.worker().loop().retire(this);
}

}  // namespace pingap::proxy

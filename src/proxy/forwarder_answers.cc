// The ways of a request that the backend does not answer to the end: refused, failed, out of time;
// and the end of all of them. The way before: forwarder.cc.
#include <algorithm>
#include <string>

#include "http/grpc.h"
#include "http/h1/refused_line.h"
#include "http/params.h"
#include "http/status.h"
#include "proxy/forwarder.h"
#include "proxy/frontend.h"
#include "proxy/grpc_error.h"
#include "proxy/header_policy.h"
#include "proxy/proxy_status.h"
#include "proxy/request_trace.h"
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
  abandon_tries(why);
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
  x.request.method = http::parse_method(line.method);
  x.request.target = x.arena.copy(line.target);
  x.request.version = line.version;
}

// There is no server, or no more: what the last try ended with, or why there was none.
void Forwarder::answer_unplaced(const upstream::Backends& backends) noexcept {
  drop_retry();
  if (last_error_) {
    answer_error(last_error_.code, last_error_.side);
  } else {
    answer_none(backends);
  }
}

// No server can be had: what is wrong with them, and when that may be over.
void Forwarder::answer_none(const upstream::Backends& backends) noexcept {
  const TimePoint now = frontend_.worker().loop().now();
  const auto has_address = [](const auto& one) { return one->address.has_value(); };
  ErrorCode why = ErrorCode::no_upstream;
  if (std::ranges::none_of(backends.set().endpoints(), has_address)) {
    why = ErrorCode::upstream_unresolved;
  } else if (backends.has_room_later()) {
    why = ErrorCode::upstream_limit;
  } else if (const auto chance = backends.next_chance()) {
    why = ErrorCode::upstream_out;
    const auto left = std::chrono::ceil<std::chrono::seconds>(*chance - now).count();
    retry_after_ = static_cast<uint32_t>(std::max<int64_t>(1, left));
  }
  answer_error(why, Side::upstream);
}

void Forwarder::answer_error(ErrorCode why, Side side) noexcept {
  x.reason = why;
  x.reason_side = side;
  begin_own_answer(why);
  ByteQueue body;
  render_page(http::status_for(why), why, body);
  send_own_answer(body);
}

// Nothing else will be sent.
void Forwarder::begin_own_answer(ErrorCode why) noexcept {
  phase_ = Phase::answered;
  timer_.reset();
  leave_queue();
  if (plugins_) {
    plugins_->stop();
  }
  request_body_.forbid_replay();
  abandon_tries(why);
  x.response = {};
}

void Forwarder::render_page(uint16_t status, ErrorCode why, ByteQueue& body) noexcept {
  http::ResponseHead& out = x.response;
  if (x.grpc) {
    render_grpc_error(why, x.arena, out);
    if (web_ && route_ != nullptr) {
      add_response_edits(x, *route_);  // without those of CORS a browser shows it to nobody
    }
  } else {
    frontend_.worker().snapshot().error_pages.render(
        status, why, x.request.headers.get(http::HeaderId::accept), x.arena, out, body);
  }
  if (!site_.proxy_status.empty() && why != ErrorCode::none) {
    out.headers.add("Proxy-Status", proxy_status(site_.proxy_status, why, x.arena));
  }
  if (retry_after_ > 0 && !x.grpc) {
    out.headers.set(http::HeaderId::retry_after,
                    x.arena.copy(std::to_string(retry_after_)));  // an answer of ours: rare
  }
}

// `end`: that body is all of it.
void Forwarder::send_own_answer(ByteQueue& body, End end) noexcept {
  http::ResponseHead& out = x.response;
  // What follows a CONNECT may be meant for the other end of the tunnel that there is not.
  out.keep_alive = x.request.method != Method::connect;
  if (x.request.method == Method::head) {
    body.clear();
    end = End::yes;
  }
  const End own_end = body.empty() ? end : End::no;
  End head_end = own_end;
  if (edits_response() && !edit_response(head_end)) {
    return;
  }
  x.status = out.status;
  x.response_bytes = body.size();
  client_->send_head(out, head_end);
  if (!body.empty()) {
    client_->send_body(body, end);
  } else {
    send_made_body(head_end, own_end);
  }
}

// The head is out, the rest will not come: the client must see that it is not whole.
void Forwarder::abort_response(ErrorCode why, Side side) noexcept {
  // Bad framing shows right behind the head, before anything has left: that can still be a clean
  // 502. A body that breaks off is shown as it is, broken off.
  if (!client_gone_ && why == ErrorCode::upstream_bad_framing && client_->unsend()) {
    response_body_.drop();
    if (filtered_) {
      client_ = &filtered_->client();
      response_body_.set_client(*client_);
      filtered_.reset();
    }
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

// ---- clients that come back to their server

// It is this server that the client wants to come back to.
bool Forwarder::is_home() const noexcept {
  const std::optional<StickyCookie>& sticky = cluster_->sticky;
  const upstream::Backends& backends = frontend_.worker().backends(*cluster_);
  std::string_view known;
  return sticky && set_version_ == backends.version() &&
         http::find_cookie(x.request.headers, sticky->cookie, known) &&
         known == backends.set().token(server_);
}

// Tells the client which server has answered, where it does not know that yet.
void Forwarder::keep_client_here() noexcept {
  const StickyCookie& sticky = *cluster_->sticky;
  const upstream::Backends& backends = frontend_.worker().backends(*cluster_);
  if (set_version_ != backends.version() || is_home()) {
    return;  // the servers have changed meanwhile; or it knows
  }
  const std::string_view token = backends.set().token(server_);
  const std::string_view value = x.arena.concat(
      sticky.before, token, x.scheme == "https" ? sticky.after_secure : sticky.after);
  x.response.headers.add(http::HeaderId::set_cookie, value);
}

// ---- deadlines of the whole exchange ----

// What the location allows, and what a call of gRPC says itself. False: it is answered.
bool Forwarder::watch_deadline() noexcept {
  std::optional<Duration> longest;
  if (route_->timeout > Duration::zero()) {
    longest = route_->timeout;
  }
  if (const http::Field* field = x.grpc ? x.request.headers.find("grpc-timeout") : nullptr) {
    const auto asked = http::parse_grpc_timeout(field->value());
    if (!asked) {
      answer_error(ErrorCode::bad_header, Side::downstream);
      return false;
    }
    longest = longest ? std::min(*longest, *asked) : *asked;
  }
  if (longest) {
    deadline_.emplace(Callback<void()>::of<&Forwarder::on_deadline>(this));
    frontend_.worker().loop().arm(*deadline_, *longest);
  }
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
  if (!x.grpc || x.response.framing == Framing::length || (web_ && !web_->between_messages())) {
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

[[gnu::cold]] void Forwarder::note_watched(RequestWatch& watch) noexcept {
  if (watch.wants(x)) {
    watch.note(x, plugins_ ? plugins_->describe() : std::string_view(),
               frontend_.worker().wall_time());
  }
}

void Forwarder::finish() noexcept {
  if (phase_ == Phase::done) {
    return;
  }
  phase_ = Phase::done;
  frontend_.worker().under_way().remove(*this);
  deadline_.reset();
  timer_.reset();
  drop_retry();
  leave_queue();
  net::Deferrable::unlink();
  abandon_tries(x.reason);
  x.finished = frontend_.worker().loop().now();
  if (web_) {
    x.response_bytes = web_->sent_bytes();
  }
  if (filtered_) {
    x.response_bytes = filtered_->sent_bytes();
    filtered_->Deferrable::unlink();
  }
  if (x.status == 0) {
    x.status = http::status_for(x.reason);
  }
  if (plugins_) {
    plugins_->stop();
    if (plugins_->has(plugin::Plugin::kEnd)) {
      plugins_->on_end();
    }
  }
  end_trace(x, site_, route_, frontend_.worker());
  if (RequestWatch* watch = frontend_.worker().watched()) [[unlikely]] {
    note_watched(*watch);
  }
  frontend_.on_exchange_done(x, site_, route_);
  frontend_.worker().loop().retire(this);
}

}  // namespace pingap::proxy

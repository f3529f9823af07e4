// What plugins do with a request on its way: forwarder.cc has the way.
#include <algorithm>
#include <cerrno>

#include "http/limits.h"
#include "http/status.h"
#include "proxy/forwarder.h"
#include "proxy/frontend.h"
#include "proxy/header_policy.h"
#include "proxy/request_trace.h"
#include "proxy/worker.h"

namespace pingap::proxy {

using http::Framing;

// True: all have let the request through.
bool Forwarder::run_plugins(const plugin::Chain& chain) noexcept {
  if (!plugins_) {
    plugins_.emplace(x, frontend_.worker(), generation_,
                     Callback<void()>::of<&Forwarder::on_plugins_resumed>(this));
    if (const RequestWatch* watch = frontend_.worker().watched();
        watch != nullptr && watch->wants(x)) [[unlikely]] {
      plugins_->measure();
    }
  }
  if ((chain.hooks() & plugin::Plugin::kRequestBody) != 0) {
    holds_body_ = true;
  }
  return proceed(plugins_->run(chain));
}

bool Forwarder::proceed(PluginRun::Outcome outcome) noexcept {
  if (outcome == PluginRun::Outcome::answered) {
    answer_for_plugin();
  }
  return outcome == PluginRun::Outcome::through;
}

void Forwarder::on_plugins_resumed() noexcept {
  if (answered() || !proceed(plugins_->go_on())) {
    return;
  }
  if (route_ == nullptr) {
    route();
  } else {
    go_to_backend();
  }
}

// The location's, but where a plugin has said another.
void Forwarder::choose_upstream() noexcept {
  cluster_ = route_->cluster;
  settings_ = &route_->settings;
  if (plugins_ && !plugins_->chosen_upstream().empty()) {
    const Route::Other* other = route_->find_other(plugins_->chosen_upstream());
    cluster_ = other->cluster;
    settings_ = &other->settings;
    x.upstream = cluster_->name;
  }
}

void Forwarder::answer_for_plugin() noexcept {
  plugin::Answer& answer = plugins_->answer();
  x.plugin = plugins_->answered_by();
  note_event(x, now(), "pingap.plugin.answered", x.plugin);
  x.reason = answer.reason;
  x.reason_side = Side::local;
  begin_own_answer(answer.reason);
  ByteQueue body;
  if (answer.page) {
    render_page(answer.status, answer.reason, body);
    http::HeaderMap all = http::HeaderMap::copy(x.response.headers, x.arena, answer.headers.size());
    for (const http::Field& field : answer.headers.fields()) {  // the page has some, too
      if (field.id == http::HeaderId::other) {
        all.remove(field.name());
      } else {
        all.remove(field.id);
      }
    }
    for (const http::Field& field : answer.headers.fields()) {
      all.add(field);
    }
    x.response.headers = all;
  } else {
    x.response.status = answer.status;
    x.response.reason = http::reason_phrase(answer.status);
    x.response.headers = http::HeaderMap::copy(answer.headers, x.arena, 2);
    const bool has_body = answer.status >= 200 && answer.status != 204 && answer.status != 304;
    if (has_body) {
      body = std::move(answer.body);
    }
    x.response.framing = has_body ? Framing::length : Framing::none;
    x.response.has_content_length = has_body;
    x.response.content_length = body.size() + answer.source_size;
  }
  if (route_ != nullptr) {
    add_response_edits(x, *route_);
  }
  if (answer.source == nullptr || x.request.method == http::Method::head) {
    send_own_answer(body);
    return;
  }
  source_ = std::move(answer.source);
  source_left_ = answer.source_size;
  send_own_answer(body, source_left_ == 0 ? End::yes : End::no);
  if (source_ != nullptr && source_->can_fill() && source_left_ >= http::limits::kPipeFrom &&
      pipe_ == nullptr && client_->can_send_piped()) {
    pipe_ = Pipe::take();
    source_fills_ = pipe_ != nullptr;
  }
  pump_source();
}

// Never more on its way than a window, nor than fits into the pipe.
void Forwarder::pump_source() noexcept {
  while (source_left_ > 0 && source_in_flight_ < http::limits::kWindow && !client_gone_) {
    const uint64_t most = std::min(http::limits::kWindow - source_in_flight_, source_left_);
    if (auto sent = source_fills_ ? pipe_source(most) : copy_source(most); !sent) {
      if (source_in_flight_ == 0 || sent.error().sys != EAGAIN) {
        abort_response(sent.error().code, Side::local);
      }
      return;
    }
  }
}

// So many bytes of it are about to be sent; whether they are the last.
End Forwarder::take_source(size_t bytes) noexcept {
  source_left_ -= bytes;
  source_in_flight_ += bytes;
  x.response_bytes += bytes;
  return source_left_ == 0 ? End::yes : End::no;
}

Result<> Forwarder::copy_source(uint64_t most) noexcept {
  ByteQueue piece;
  auto got = source_->read(most, piece);
  if (got) {
    const End end = take_source(piece.size());
    client_->send_body(piece, end);
  }
  return got;
}

// Pages of a file fill a pipe before a window does where the first of them is a part: it has room
// once something has left (EAGAIN).
Result<> Forwarder::pipe_source(uint64_t most) noexcept {
  const auto got = source_->fill(*pipe_, most);
  if (!got) {
    return tl::unexpected(got.error());
  }
  const End end = take_source(*got);
  client_->send_piped(*pipe_, *got, end);
  return {};
}

// ---- the body of the request

// What came of it while a plugin had the request wait goes through them first.
void Forwarder::open_request_filters() {
  holds_body_ = false;
  if (request_body_.over() && !early_) {
    return;  // there is none
  }
  request_filters_ = plugins_->request_filters();
  if (!request_filters_.keep_length() && x.upstream_request.framing == Framing::length) {
    x.upstream_request.framing = Framing::chunked;
    request_body_.forbid_replay();
  }
}

// False: all of it is kept until the plugins are through.
bool Forwarder::hold_body(ByteQueue& data, End end) noexcept {
  if (!holds_body_) {
    return false;
  }
  if (!early_) {
    early_.emplace();
  }
  early_->move_from(data, data.size());
  early_end_ = end;
  return true;
}

void Forwarder::release_early_body() noexcept {
  if (!early_) {
    return;
  }
  ByteQueue early = std::move(*early_);
  early_.reset();
  x.request_bytes -= early.size();  // they are counted again
  on_body(early, std::exchange(early_end_, End::no));
}

// ---- the answer

// The head is there: what plugins make of it, and of the body behind it, which may be where there
// was none. False: one has failed, and another answer has been sent.
bool Forwarder::edit_response(End& head_end) {
  plugins_->answer().makes_body = false;
  if (const ErrorCode failed = plugins_->on_response(); failed != ErrorCode::none) {
    tunnel_ = false;
    response_body_.drop();
    source_.reset();
    source_left_ = 0;
    answer_error(failed, Side::local);
    return false;
  }
  if (plugins_->answer().makes_body && x.request.method != http::Method::head) {
    head_end = End::no;
  }
  if (head_end == End::yes || x.response.framing == Framing::tunnel || filtered_) {
    return true;
  }
  BodyFilters filters = plugins_->response_filters();
  if (filters.empty()) {
    return true;
  }
  client_ =
      &filtered_.emplace(*client_, frontend_.worker().loop(), std::move(filters),
                         FilteredResponse::Owner{
                             Callback<void(size_t)>::of<&Forwarder::on_filtered_sent>(this),
                             Callback<void(const Error&)>::of<&Forwarder::on_filter_failed>(this)});
  response_body_.set_client(*client_);
  return true;
}

// The body that plugins make where there is none.
void Forwarder::send_made_body(End head_end, End end) noexcept {
  if (head_end != end) {
    ByteQueue none;
    client_->send_body(none, End::yes);
  }
}

void Forwarder::on_filtered_sent(size_t bytes) noexcept {
  if (source_ != nullptr) {
    source_in_flight_ -= std::min<uint64_t>(bytes, source_in_flight_);
    pump_source();
    return;
  }
  if (auto sent = response_body_.on_sent(bytes, upstream()); !sent) {
    abort_response(sent.error().code, Side::local);
  }
}

void Forwarder::on_filter_failed(const Error& why) noexcept {
  if (phase_ != Phase::done) {
    abort_response(why.code, why.side);
  }
}

}  // namespace pingap::proxy

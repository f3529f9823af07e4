// What a connection to a backend reads: interim and final heads, bodies, the end of a response.
#include <algorithm>

#include "base/strings.h"
#include "http/limits.h"
#include "session/h1_client_session.h"

namespace pingap::session {
namespace {

using http::Framing;
using http::h1::BodyReader;
using http::h1::ParseStatus;

namespace limits = http::limits;

// An idle connection is given up this much before the backend said it would close it.
constexpr Duration kIdleMargin = std::chrono::seconds(1);

thread_local http::Field t_fields[limits::kResponseFields];

}  // namespace

bool H1ClientSession::wants_input() const noexcept {
  switch (reading_) {
    case Reading::idle:
    case Reading::head:
      return true;
    case Reading::body:
    case Reading::tunnel:
      return has_window() && !input_ended_;
    case Reading::done:
      return false;
  }
  return false;
}

void H1ClientSession::on_input() noexcept {
  switch (reading_) {
    case Reading::idle:
      close();  // nobody asked: whatever it is, it answers no request of ours (security.md U14)
      break;
    case Reading::head:
      while (reading_ == Reading::head && !closed_ && read_head()) {
      }
      break;
    case Reading::body:
    case Reading::tunnel:
      read_body();
      break;
    case Reading::done:
      break;
  }
}

bool H1ClientSession::read_head() noexcept {
  const std::string_view bytes = input();
  if (bytes.empty()) {
    return false;
  }
  head_seen_ = true;
  if (head_waits(bytes, settings_->limits.bytes)) {
    return false;
  }
  http::ResponseHead head;
  head.headers = http::HeaderMap(t_fields);
  const auto result = http::h1::parse_response(bytes, settings_->limits, method_, head);
  switch (result.status) {
    case ParseStatus::failed:
      fail(result.error, 0);
      return false;
    case ParseStatus::incomplete:
      note_partial_head(bytes, settings_->limits.bytes);
      return false;
    case ParseStatus::complete:
      break;
  }
  partial_head_ = false;
  head.storage = in_chunk_;
  consume_input(result.consumed);
  if (head.status < 200 && head.status != 101) {
    sink_->on_head(head, End::no);
    return true;
  }
  read_final_head(head);
  return false;
}

void H1ClientSession::read_final_head(http::ResponseHead& head) noexcept {
  keep_alive_ = keep_alive_ && head.keep_alive && head.framing != Framing::until_close;
  if (head.keep_alive_hint) {
    learn_idle_timeout(head.headers);
  }
  if (head.status == 101) {
    if (!websocket_ || !head.websocket) {
      fail(ErrorCode::upstream_bad_upgrade, 0);
      return;
    }
    head.framing = Framing::tunnel;
  }
  reader_.start(head.framing, head.content_length);
  if (head.framing == Framing::tunnel) {
    reading_ = Reading::tunnel;
    out_framing_ = Framing::tunnel;
    request_over_ = false;
    loop_.arm(read_timer_, settings_->tunnel_timeout);
    sink_->on_head(head, End::no);
  } else if (head.framing == Framing::none ||
             (head.framing == Framing::length && head.content_length == 0)) {
    reading_ = Reading::done;
    read_timer_.cancel();
    sink_->on_head(head, End::yes);
    end_response();
    return;
  } else {
    reading_ = Reading::body;
    loop_.arm(read_timer_, settings_->read_timeout);
    sink_->on_head(head, End::no);
  }
  if (!closed_ && !input().empty()) {
    read_body();
  }
}

bool H1ClientSession::in_body() const noexcept {
  return reading_ == Reading::body || reading_ == Reading::tunnel;
}

void H1ClientSession::on_body_read(const BodyReader::Step& step, ByteQueue& data) noexcept {
  if (step.kind == BodyReader::Kind::failed) {
    fail(ErrorCode::upstream_bad_framing, 0);
    return;
  }
  unreleased_ += data.size();
  if (step.kind == BodyReader::Kind::end) {
    end_body(data);
    return;
  }
  loop_.arm(read_timer_,
            reading_ == Reading::tunnel ? settings_->tunnel_timeout : settings_->read_timeout);
  if (!data.empty()) {
    sink_->on_body(data, End::no);
  }
}

void H1ClientSession::on_body_piped(size_t bytes, End end) noexcept {
  unreleased_ += bytes;
  if (end == End::no) {
    loop_.arm(read_timer_, settings_->read_timeout);
    sink_->on_piped(bytes, End::no);
    return;
  }
  reading_ = Reading::done;
  read_timer_.cancel();
  sink_->on_piped(bytes, End::yes);
  end_response();
}

void H1ClientSession::end_body(ByteQueue& data) noexcept {
  http::HeaderMap trailers{std::span<http::Field>(t_fields)};
  const std::string_view section = reader_.trailers();
  if (!section.empty() && !http::h1::parse_trailers(section, trailers)) {
    fail(ErrorCode::upstream_bad_framing, 0);
    return;
  }
  reading_ = Reading::done;
  read_timer_.cancel();
  if (section.empty()) {
    sink_->on_body(data, End::yes);
  } else {
    if (!data.empty()) {
      sink_->on_body(data, End::no);
    }
    if (sink_ != nullptr) {
      sink_->on_trailers(trailers);
    }
  }
  end_response();
}

void H1ClientSession::end_response() noexcept {
  if (!closed_ && sink_ != nullptr && request_over_ && !has_output()) {
    finish();
  }
}

void H1ClientSession::finish() noexcept {
  http::ResponseSink* sink = std::exchange(sink_, nullptr);
  ++served_;
  // Unread input here is nobody's answer: it must not become the next request's (U14).
  const bool reusable = keep_alive_ && input().empty() && !readable_ && !hangup_ && !write_failed_;
  if (reusable) {
    reading_ = Reading::idle;
    heard_at_ = loop_.now();
    loop_.arm(read_timer_, idle_timeout_);
    owner_.on_session_free(*this);
  } else {
    close();
  }
  if (sink != nullptr) {
    sink->on_closed({});
  }
}

void H1ClientSession::learn_idle_timeout(const http::HeaderMap& headers) noexcept {
  // "Keep-Alive: timeout=5": leave before the backend does, then no request meets its FIN.
  const std::string_view hint = headers.get(http::HeaderId::keep_alive);
  const size_t at = hint.find("timeout=");
  if (hint.empty() || at == std::string_view::npos) {
    return;
  }
  const std::string_view rest = hint.substr(at + 8);
  const size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
  if (const auto seconds = parse_decimal(rest.substr(0, std::min<size_t>(digits, 9)))) {
    const Duration promised = std::chrono::seconds(*seconds);
    if (promised <= kIdleMargin) {
      keep_alive_ = false;
    }
    idle_timeout_ = std::min(settings_->idle_timeout, promised - kIdleMargin);
  }
}

void H1ClientSession::release_window(size_t bytes) noexcept {
  give_window(bytes);
  if (!closed_ && readable_ && (reading_ == Reading::body || reading_ == Reading::tunnel)) {
    loop_.resume_later(*this);
  }
}

}  // namespace pingap::session

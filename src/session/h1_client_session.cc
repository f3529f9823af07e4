#include "session/h1_client_session.h"

#include <algorithm>
#include <cerrno>

#include "base/strings.h"
#include "http/h1/serializer.h"
#include "http/limits.h"

namespace pingap::session {
namespace {

using http::Framing;
using http::h1::BodyReader;
using http::h1::HeadScanner;
using http::h1::ParseStatus;

namespace limits = http::limits;

// An idle connection is given up this much before the backend said it would close it.
constexpr Duration kIdleMargin = std::chrono::seconds(1);

thread_local http::Field t_fields[limits::kResponseFields];

ErrorCode connect_error(int error) noexcept {
  switch (error) {
    case ECONNREFUSED:
      return ErrorCode::upstream_refused;
    case ETIMEDOUT:
      return ErrorCode::upstream_connect_timeout;
    default:
      return ErrorCode::upstream_unreachable;
  }
}

}  // namespace

H1ClientSession::H1ClientSession(net::EventLoop& loop, std::unique_ptr<net::Transport> transport,
                                 const ClientSettings& settings, ClientSessionOwner& owner) noexcept
    : H1Connection(loop, std::move(transport)),
      settings_(&settings),
      owner_(owner),
      idle_timeout_(settings.idle_timeout) {
}

bool H1ClientSession::start(bool connecting) noexcept {
  connecting_ = connecting;
  writable_ = !connecting;
  if (connecting) {
    loop_.arm(read_timer_, settings_->connect_timeout);
  }
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
  if (const int error = transport_->take_error(); error != 0) {
    fail(connect_error(error), error);
    return;
  }
  connecting_ = false;
  if (sink_ != nullptr) {
    sink_->on_connected();
  }
  loop_.arm(read_timer_, settings_->read_timeout);
  watch_writing();
  flush_later();
}

// ---- sending the request ----

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
  const size_t body = std::min(bytes, body_unsent_);
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

// ---- receiving the response ----

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
  if (partial_head_ &&
      scanner_.scan(bytes, settings_->limits.bytes) == HeadScanner::Verdict::wait) {
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
      if (!partial_head_) {
        partial_head_ = true;
        scanner_.reset();
        scanner_.scan(bytes, settings_->limits.bytes);
      }
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
  learn_idle_timeout(head.headers);
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
    idle_since_ = loop_.now();
    loop_.arm(read_timer_, idle_timeout_);
    owner_.on_session_idle(*this);
  } else {
    close();
  }
  sink->on_closed({});
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

// ---- ends ----

void H1ClientSession::on_input_end() noexcept {
  switch (reading_) {
    case Reading::idle:
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

void H1ClientSession::fail(ErrorCode code, int error) noexcept {
  if (closed_) {
    return;
  }
  Error why{code, Side::upstream, Retry::never, error, nullptr};
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

void H1ClientSession::reset(ErrorCode /*why*/) noexcept {
  sink_ = nullptr;
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
    fail(ErrorCode::upstream_connect_timeout, 0);
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

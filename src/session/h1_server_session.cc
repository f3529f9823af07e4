#include "session/h1_server_session.h"

#include <algorithm>

#include "http/h1/serializer.h"
#include "http/limits.h"

namespace pingap::session {
namespace {

using http::Framing;
using http::h1::BodyReader;
using http::h1::HeadScanner;
using http::h1::ParseStatus;

namespace limits = http::limits;

// How long a closing connection throws input away so that the answer is read before a reset can
// overtake it (RFC 9112 9.6), and how long an answered request's body may keep coming.
constexpr Duration kLinger = std::chrono::seconds(2);
// The time the minimum body rate is averaged over.
constexpr uint32_t kRateSeconds = 30;
constexpr Duration kRateWindow = std::chrono::seconds(kRateSeconds);
// A client that takes less than this within write_timeout is stalled.
constexpr uint64_t kWriteProgress = 1024;

// Heads are parsed into this and copied by whoever keeps them; one per thread.
thread_local http::Field t_fields[1024];

}  // namespace

H1ServerSession::H1ServerSession(net::EventLoop& loop, std::unique_ptr<net::Transport> transport,
                                 const net::Address& peer, const ServerSettings& settings,
                                 RequestAcceptor& acceptor) noexcept
    : H1Connection(loop, std::move(transport)),
      settings_(settings),
      acceptor_(acceptor),
      peer_ip_(peer.ip()),
      peer_port_(peer.port()) {
}

bool H1ServerSession::start() noexcept {
  arm_read(settings_.header_timeout);
  return loop_.add(transport_->fd(), *this).has_value();
}

std::string_view H1ServerSession::peer_text() noexcept {
  if (peer_text_size_ == 0) {
    peer_text_size_ = static_cast<uint8_t>(peer_ip_.format(peer_text_).size());
  }
  return {peer_text_, peer_text_size_};
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

void H1ServerSession::serve_one() noexcept {
  draining_ = true;
  arm_read(std::min(kLinger, settings_.header_timeout));
}

void H1ServerSession::abort() noexcept {
  fail({ErrorCode::shutting_down, Side::local, Retry::never, 0, nullptr});
}

// ---- reading ----

bool H1ServerSession::wants_input() const noexcept {
  switch (reading_) {
    case Reading::head:
    case Reading::drain:
      return true;
    case Reading::linger:
      return drained_ < limits::kDrain;  // then the socket's buffers stop the client
    case Reading::body:
    case Reading::tunnel:
      return has_window() && !input_ended_;
    case Reading::waiting:
      return false;
  }
  return false;
}

void H1ServerSession::on_input() noexcept {
  switch (reading_) {
    case Reading::head:
      // A refused or answered request changes the state; then what is left waits for its turn.
      while (reading_ == Reading::head && !closed_ && read_head()) {
      }
      break;
    case Reading::body:
    case Reading::tunnel:
      read_body();
      break;
    case Reading::drain:
      discard_body();
      break;
    case Reading::linger:
      discard_rest();
      break;
    case Reading::waiting:
      break;
  }
}

void H1ServerSession::discard_rest() noexcept {
  drained_ += input().size();
  discard_input();
  if (drained_ >= limits::kDrain && hangup_) {
    close();  // nobody is left to read the answer
  }
}

bool H1ServerSession::read_head() noexcept {
  const std::string_view bytes = input();
  if (bytes.empty()) {
    return false;
  }
  if (partial_head_ && scanner_.scan(bytes, settings_.limits.bytes) == HeadScanner::Verdict::wait) {
    return false;
  }
  http::RequestHead head;
  head.headers = http::HeaderMap(t_fields);
  const http::h1::ParseResult result = http::h1::parse_request(bytes, settings_.limits, head);
  switch (result.status) {
    case ParseStatus::complete:
      start_request(head, result.consumed);
      return true;
    case ParseStatus::failed:
      refuse(result.error);
      return false;
    case ParseStatus::incomplete:
      break;
  }
  if (!partial_head_) {
    partial_head_ = true;
    scanner_.reset();
    scanner_.scan(bytes, settings_.limits.bytes);
    if (requests_ > 0) {
      arm_read(settings_.header_timeout);  // from the first byte, not per read
    }
  }
  keep_partial_input(settings_.limits.bytes);
  return false;
}

void H1ServerSession::start_request(http::RequestHead& head, size_t consumed) noexcept {
  head.storage = in_chunk_;
  consume_input(consumed);
  partial_head_ = false;
  ++requests_;
  version_ = head.version;
  head_request_ = head.method == http::Method::head;
  expects_continue_ = head.expect_continue;
  keep_alive_ = head.keep_alive && !draining_ &&
                (settings_.keepalive_requests == 0 || requests_ < settings_.keepalive_requests);
  writing_ = Writing::none;
  reader_.start(head.framing, head.content_length);
  const bool empty = head.framing == Framing::none ||
                     (head.framing == Framing::length && head.content_length == 0);
  if (empty) {
    reading_ = Reading::waiting;
    read_timer_.cancel();
  } else {
    reading_ = Reading::body;
    rate_bytes_ = 0;
    rate_since_ = loop_.now();
    answering_ = false;
    arm_read(settings_.body_timeout);
  }
  sink_ = &acceptor_.on_new_stream(*this, *this);
  sink_->on_head(head, empty ? End::yes : End::no);
  if (reading_ == Reading::body && !closed_) {
    read_body();
  }
}

bool H1ServerSession::in_body() const noexcept {
  return reading_ == Reading::body || reading_ == Reading::tunnel;
}

void H1ServerSession::on_body_read(const BodyReader::Step& step, ByteQueue& data) noexcept {
  if (step.kind == BodyReader::Kind::failed) {
    refuse(step.error);
    return;
  }
  unreleased_ += data.size();
  if (step.kind == BodyReader::Kind::end && reading_ != Reading::tunnel) {
    end_body(data);
    return;
  }
  if (!data.empty() && note_body(data.size())) {
    sink_->on_body(data, End::no);
  }
}

// False when the request had to be refused.
bool H1ServerSession::note_body(size_t bytes) noexcept {
  const bool tunnel = reading_ == Reading::tunnel;
  if (!tunnel && !keeps_rate(bytes)) {
    refuse(ErrorCode::body_too_slow);
    return false;
  }
  arm_read(tunnel ? settings_.tunnel_timeout : settings_.body_timeout);
  return true;
}

void H1ServerSession::on_body_piped(size_t bytes, End end) noexcept {
  unreleased_ += bytes;
  if (end == End::yes) {
    reading_ = Reading::waiting;
    read_timer_.cancel();
  } else if (!note_body(bytes)) {
    return;
  }
  sink_->on_piped(bytes, end);
}

void H1ServerSession::end_body(ByteQueue& data) noexcept {
  reading_ = Reading::waiting;
  read_timer_.cancel();
  const std::string_view section = reader_.trailers();
  if (section.empty()) {
    sink_->on_body(data, End::yes);
    return;
  }
  http::HeaderMap trailers{std::span<http::Field>(t_fields)};
  if (!http::h1::parse_trailers(section, trailers)) {
    refuse(ErrorCode::bad_trailer);
    return;
  }
  if (!data.empty()) {
    sink_->on_body(data, End::no);
  }
  if (sink_ != nullptr) {
    sink_->on_trailers(trailers);
  }
}

bool H1ServerSession::keeps_rate(size_t bytes) noexcept {
  rate_bytes_ += bytes;
  if (loop_.now() - rate_since_ < kRateWindow) {
    return true;
  }
  const bool fast = rate_bytes_ >= uint64_t{settings_.min_body_rate} * kRateSeconds;
  rate_bytes_ = 0;
  rate_since_ = loop_.now();
  return fast;
}

void H1ServerSession::discard_body() noexcept {
  ByteQueue batch;
  const BodyReader::Step step = take_body(batch);
  drained_ += batch.size();
  if (step.kind == BodyReader::Kind::failed || drained_ > limits::kDrain) {
    linger();
    return;
  }
  if (step.kind == BodyReader::Kind::end) {
    next_request();
  }
}

void H1ServerSession::refuse(ErrorCode why) noexcept {
  refused_ = true;
  keep_alive_ = false;
  partial_head_ = false;
  reading_ = Reading::waiting;
  read_timer_.cancel();
  const ChunkRef kept = in_chunk_;  // backs `head`
  const std::string_view head = sink_ == nullptr ? input() : std::string_view{};
  discard_input();
  if (sink_ == nullptr) {
    writing_ = Writing::none;
    version_ = http::Version::http11;
    head_request_ = false;
    sink_ = &acceptor_.on_new_stream(*this, *this);
  }
  sink_->on_refused(why, head);
}

void H1ServerSession::on_input_end() noexcept {
  switch (reading_) {
    case Reading::head:
      close();
      break;
    case Reading::body:
      fail({ErrorCode::client_closed, Side::downstream, Retry::never, 0, nullptr});
      break;
    case Reading::tunnel: {
      ByteQueue none;
      sink_->on_body(none, End::yes);
      flush_later();  // with our own FIN out already, this was the end
      break;
    }
    case Reading::drain:
    case Reading::linger:
      close();
      break;
    case Reading::waiting:
      break;
  }
}

void H1ServerSession::on_failure(int error) noexcept {
  fail({ErrorCode::client_reset, Side::downstream, Retry::never, error, nullptr});
}

void H1ServerSession::release_window(size_t bytes) noexcept {
  if (!has_window()) {
    // We did not read: the client is not to blame for the time since.
    rate_bytes_ = 0;
    rate_since_ = loop_.now();
  }
  give_window(bytes);
  if (reading_ == Reading::tunnel && input_ended_) {
    flush_later();
  }
  if (readable_ && (reading_ == Reading::body || reading_ == Reading::tunnel)) {
    loop_.resume_later(*this);
  }
}

// ---- writing ----

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
    arm_read(settings_.tunnel_timeout);
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
  if (version_ == http::Version::http10) {
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
    loop_.arm(write_timer_, settings_.write_timeout);
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
  sink_ = nullptr;
  if (writable_ && !out_.empty()) {
    transport_->write(out_,
                      End::yes);  // as far as it goes: the client sees an answer that breaks off
  }
  close();
}

void H1ServerSession::on_output(size_t bytes) noexcept {
  written_mark_ += bytes;
  answering_ = writing_ != Writing::none;
  head_unsent_ = false;
  if (reading_ == Reading::tunnel) {
    arm_read(settings_.tunnel_timeout);
  }
  const size_t body = std::min(bytes, body_unsent_);
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
  if (draining_ && input().empty()) {
    linger();
    return;
  }
  release_empty_input();
  reading_ = Reading::head;
  writing_ = Writing::none;
  arm_read(input().empty() ? settings_.keepalive_timeout : settings_.header_timeout);
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
        arm_read(settings_.body_timeout);
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
    loop_.arm(write_timer_, settings_.write_timeout);
    return;
  }
  transport_->abort_on_close();
  fail({ErrorCode::client_stalled, Side::downstream, Retry::never, 0, nullptr});
}

}  // namespace pingap::session

// What a client connection reads: heads, bodies, and what is thrown away behind an answer.
#include <cerrno>

#include "http/h2/frame.h"
#include "http/limits.h"
#include "session/h1_server_session.h"

namespace pingap::session {
namespace {

using http::Framing;
using http::h1::BodyReader;
using http::h1::ParseStatus;
using http::h2::kPreface;

namespace limits = http::limits;

// Heads are parsed into this and copied by whoever keeps them; one per thread.
thread_local http::Field t_fields[1024];

}  // namespace

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
  if (head_waits(bytes, settings().limits.bytes)) {
    return false;
  }
  if (requests_ == 0 && bytes.front() == kPreface.front() && is_h2(bytes)) {
    return false;
  }
  http::RequestHead head;
  head.headers = http::HeaderMap(t_fields);
  const http::h1::ParseResult result = http::h1::parse_request(bytes, settings().limits, head);
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
  if (note_partial_head(bytes, settings().limits.bytes) && requests_ > 0) {
    arm_read(settings().header_timeout);  // from the first byte, not per read
  }
  keep_partial_input(settings().limits.bytes);
  return false;
}

// True where the bytes are, or may become, the preface of HTTP/2: then they are no request of ours.
bool H1ServerSession::is_h2(std::string_view bytes) noexcept {
  if (bytes.size() < kPreface.size()) {
    return kPreface.starts_with(bytes);
  }
  if (!bytes.starts_with(kPreface)) {
    return false;
  }
  const ChunkRef kept = in_chunk_;  // backs `bytes`
  if (!acceptor_.on_h2_preface(*this, transport_, bytes)) {
    return false;
  }
  close();
  return true;
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
                (settings().keepalive_requests == 0 || requests_ < settings().keepalive_requests);
  writing_ = Writing::none;
  reader_.start(head.framing, head.content_length);
  const bool empty = head.framing == Framing::none ||
                     (head.framing == Framing::length && head.content_length == 0);
  if (empty) {
    reading_ = Reading::waiting;
    read_timer_.cancel();
  } else {
    reading_ = Reading::body;
    rate_.start(loop_.now());
    answering_ = false;
    arm_read(settings().body_timeout);
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
  if (!tunnel && !rate_.keeps(bytes, settings().min_body_rate, loop_.now())) {
    refuse(ErrorCode::body_too_slow);
    return false;
  }
  arm_read(tunnel ? settings().tunnel_timeout : settings().body_timeout);
  return true;
}

void H1ServerSession::on_body_piped(size_t bytes, End end) noexcept {
  unreleased_ += bytes;
  if (std::exchange(pipe_was_full_, false)) {
    rate_.start(loop_.now());  // as in release_window()
  }
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
  if (error == ESHUTDOWN && reading_ == Reading::tunnel && writing_ == Writing::done &&
      out_framing_ == Framing::none) {
    finish_exchange();  // the client has all, and goes as browsers do, without a word
    return;
  }
  fail({ErrorCode::client_reset, Side::downstream, Retry::never, error, nullptr});
}

void H1ServerSession::release_window(size_t bytes) noexcept {
  if (!has_window() && !pipe_full_) {
    // We did not read: the client is not to blame for the time since.
    rate_.start(loop_.now());
  }
  give_window(bytes);
  if (reading_ == Reading::tunnel && input_ended_) {
    flush_later();
  }
  if (readable_ && (reading_ == Reading::body || reading_ == Reading::tunnel)) {
    loop_.resume_later(*this);
  }
}

}  // namespace pingap::session

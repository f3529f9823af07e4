#include "proxy/attempt.h"

#include <chrono>

#include "base/log.h"
#include "http/limits.h"
#include "proxy/forwarder.h"

namespace pingap::proxy {
namespace {

constexpr int64_t kTellEvery = 10;  // seconds

// What is wrong with TLS is for the operator alone (TLS-20): the log tells, now and then.
void tell(const upstream::Endpoint& endpoint, const Error& why) noexcept {
  using std::chrono::steady_clock;
  const auto now = steady_clock::now().time_since_epoch();
  const int64_t second = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  int64_t told = endpoint.state->told_at.load(std::memory_order_relaxed);
  if (second - told >= kTellEvery &&
      endpoint.state->told_at.compare_exchange_strong(told, second, std::memory_order_relaxed)) {
    PINGAP_LOG(warn, "{}: {}: {}", endpoint.name, to_string(why.code), why.detail);
  }
}

}  // namespace

upstream::Outcome outcome_of(const Error& why, bool reused) noexcept {
  switch (why.code) {
    case ErrorCode::upstream_closed:
    case ErrorCode::upstream_reset:
      // A kept connection may go at any time.
      return reused ? upstream::Outcome::none : upstream::Outcome::unreachable;
    case ErrorCode::upstream_refused:
    case ErrorCode::upstream_unreachable:
    case ErrorCode::upstream_connect_timeout:
    case ErrorCode::upstream_tls_timeout:
    case ErrorCode::upstream_tls:
    case ErrorCode::upstream_certificate:
    case ErrorCode::upstream_timeout:
    case ErrorCode::upstream_write_timeout:
    case ErrorCode::upstream_truncated:
      return upstream::Outcome::unreachable;
    case ErrorCode::upstream_protocol:
    case ErrorCode::upstream_bad_head:
    case ErrorCode::upstream_head_too_large:
    case ErrorCode::upstream_bad_framing:
    case ErrorCode::upstream_bad_upgrade:
    case ErrorCode::upstream_too_many_interim:
      return upstream::Outcome::failure;
    default:
      return upstream::Outcome::none;  // it was not the server
  }
}

Attempt::~Attempt() {
  if (!ended_) {
    let_go();
  }
}

void Attempt::end() noexcept {
  if (!ended_) {
    ended_ = true;
    trace_end(ErrorCode::none);
    let_go();
  }
}

void Attempt::let_go() noexcept {
  abandon(ErrorCode::none);
  if (well_) {
    note_well();
  } else {
    report(upstream::Outcome::none);
  }
  end_retry();
  cluster_.counts->of(backends_.worker()).tries.add(backends_.now() - begun_);
  backends_.end_try(pool_);
}

void Attempt::report(upstream::Outcome outcome) noexcept {
  if (!std::exchange(reported_, true)) {
    backends_.report(pool_, permit_, whole_, outcome);
  }
}

// Whether an answer is one is known at its end. But others wait for what a probe says, and what may
// go on for hours is well as soon as it has begun.
void Attempt::note_answer(const http::ResponseHead& head, End end) noexcept {
  using Kind = upstream::Breaker::Permit::Kind;
  pool_.counts().add_answer(head.status);
  if (cluster_.failure_statuses.contains(head.status)) {
    report(upstream::Outcome::failure);
    return;
  }
  well_ = true;
  if (end == End::yes || head.framing == http::Framing::tunnel || permit_.kind() != Kind::normal ||
      whole_.kind() != Kind::normal) {
    note_well();
  }
}

void Attempt::note_well() noexcept {
  if (backends_.knows_well(pool_)) {
    reported_ = true;
  }
  report(upstream::Outcome::success);
}

// The first end is the one that counts.
void Attempt::trace_end(ErrorCode why) noexcept {
  if (traced_ != nullptr && traced_->end == TimePoint{}) {
    traced_->end = forwarder_.now();
    traced_->why = why;
    traced_->endpoint = forwarder_.x.arena.copy(traced_->endpoint);  // it may go with its server
  }
}

void Attempt::note_failure(const Error& why) noexcept {
  trace_end(why.code);
  count_failure(why.code);
  report(outcome_of(why, reused_));
}

void Attempt::abandon(ErrorCode why) noexcept {
  if (stream_ != nullptr) {
    std::exchange(stream_, nullptr)->reset(why);
  }
}

void Attempt::on_connected() noexcept {
  connecting_ = false;
  if (traced_ != nullptr) {
    traced_->sent = forwarder_.now();
  }
  forwarder_.on_connected(*this);
}

void Attempt::on_head(http::ResponseHead& head, End end) noexcept {
  if (head.status >= 200 || head.status == 101) {
    if (traced_ != nullptr) {
      traced_->first_byte = forwarder_.now();
      traced_->status = head.status;
    }
    note_answer(head, end);
    forwarder_.on_response(*this, head, end);
    return;
  }
  if (++interim_ > http::limits::kInterim) {
    count_failure(ErrorCode::upstream_too_many_interim);
    abandon(ErrorCode::upstream_too_many_interim);
    forwarder_.on_attempt_failed(
        *this, {ErrorCode::upstream_too_many_interim, Side::upstream, Retry::never, 0, nullptr});
    return;
  }
  forwarder_.on_interim(*this, head);
}

void Attempt::on_body(ByteQueue& data, End end) noexcept {
  forwarder_.on_response_body(data, end);
}

void Attempt::on_piped(size_t bytes, End end) noexcept {
  forwarder_.on_response_piped(bytes, end);
}

void Attempt::on_trailers(http::HeaderMap& trailers) noexcept {
  forwarder_.on_response_trailers(trailers);
}

void Attempt::on_sent(size_t bytes) noexcept {
  body_sent_ += bytes;
  forwarder_.on_request_sent(body_sent_);
}

void Attempt::on_closed(const Error& why) noexcept {
  stream_ = nullptr;
  if (why.detail != nullptr &&
      (why.code == ErrorCode::upstream_certificate || why.code == ErrorCode::upstream_tls)) {
    tell(endpoint(), why);
  }
  if (why) {
    note_failure(why);
    forwarder_.on_attempt_failed(*this, why);
  } else if (well_) {
    note_well();
  }
}

}  // namespace pingap::proxy

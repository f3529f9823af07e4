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

Attempt::Attempt(Forwarder& forwarder, const upstream::Endpoint& endpoint, bool counts) noexcept
    : forwarder_(forwarder), endpoint_(endpoint), counts_(counts) {
  if (counts_) {
    endpoint_.state->active.fetch_add(1, std::memory_order_relaxed);
  }
}

Attempt::~Attempt() {
  abandon(ErrorCode::none);
  if (counts_) {
    endpoint_.state->active.fetch_sub(1, std::memory_order_relaxed);
  }
}

void Attempt::abandon(ErrorCode why) noexcept {
  if (stream_ != nullptr) {
    std::exchange(stream_, nullptr)->reset(why);
  }
}

void Attempt::on_connected() noexcept {
  forwarder_.on_connected();
}

void Attempt::on_head(http::ResponseHead& head, End end) noexcept {
  if (head.status >= 200 || head.status == 101) {
    forwarder_.on_response(head, end);
    return;
  }
  if (++interim_ > http::limits::kInterim) {
    abandon(ErrorCode::upstream_too_many_interim);
    forwarder_.on_attempt_failed(
        {ErrorCode::upstream_too_many_interim, Side::upstream, Retry::never, 0, nullptr});
    return;
  }
  forwarder_.on_interim(head);
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
    tell(endpoint_, why);
  }
  if (why) {
    forwarder_.on_attempt_failed(why);
  }
}

}  // namespace pingap::proxy

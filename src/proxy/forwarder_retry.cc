// A try that has failed: whether, when and where the request is sent again (security.md 2B).
#include <algorithm>
#include <string>
#include <utility>

#include "base/hash.h"
#include "http/method.h"
#include "proxy/forwarder.h"
#include "proxy/frontend.h"
#include "proxy/request_trace.h"
#include "proxy/worker.h"

namespace pingap::proxy {
namespace {

using upstream::RetryOn;

constexpr Duration kFirstPause = std::chrono::milliseconds(25);
constexpr Duration kLongestPause = std::chrono::milliseconds(250);

// Nothing: what failed is not repeated, whatever is configured.
std::optional<RetryOn> kind_of(const Error& why) noexcept {
  switch (why.code) {
    case ErrorCode::upstream_too_many_interim:
    case ErrorCode::buffer_full:  // our disk, not the backend
      return std::nullopt;
    case ErrorCode::upstream_timeout:
    case ErrorCode::upstream_write_timeout:
      return RetryOn::timeout;
    case ErrorCode::upstream_closed:
    case ErrorCode::upstream_reset:
      return why.retry == Retry::safe ? RetryOn::connect : RetryOn::reset;
    default:
      return why.retry == Retry::safe ? RetryOn::connect : RetryOn::bad_response;
  }
}

}  // namespace

bool Forwarder::can_repeat() const noexcept {
  return phase_ == Phase::connecting && !client_gone_ && request_body_.replayable();
}

// Within the limits of the policy; `seen`: the server may have acted on the request.
bool Forwarder::may_repeat(Seen seen) const noexcept {
  const upstream::RetryPolicy& policy = route_->retry;
  if (seen == Seen::yes &&
      (retries_ >= policy.most_seen ||
       !(policy.any_method || http::is_idempotent(x.request.method)))) {  // RFC 9110 9.2.2
    return false;
  }
  return retries_ < policy.most && in_retry_window();
}

bool Forwarder::in_retry_window() const noexcept {
  const Duration window = route_->retry.window;
  return window == Duration::zero() || frontend_.worker().loop().now() - x.started <= window;
}

// All tries are used up at servers that cannot be reached, and nobody knew yet that they are out:
// those that stand in for them get one more, or they would be of no use until it is known.
bool Forwarder::goes_to_next_tier(Seen seen) noexcept {
  const upstream::Backends& backends = frontend_.worker().backends(*cluster_);
  if (seen == Seen::yes || route_->retry.most == 0 || !in_retry_window() ||
      set_version_ != backends.version()) {
    return false;
  }
  least_tier_ = static_cast<uint8_t>(backends.set().tier_after(server_));
  return least_tier_ > 0;
}

// Whatever the policy and the budget: connections that die are nobody's fault. A server that may
// have seen the request counts all the same, so that no request is seen more often for it.
bool Forwarder::may_repeat_stale(Seen seen) const noexcept {
  return seen == Seen::no || (http::is_idempotent(x.request.method) &&
                              retries_ < std::max(route_->retry.most_seen, 1U));
}

// Counts one more, unless too many are repeated as it is. A server that could not be reached has
// done no work: the first other one is asked in any case, which makes no outage worse.
bool Forwarder::begin_retry(Seen seen) noexcept {
  attempt_->end_retry();  // it is over
  upstream::Backends& backends = frontend_.worker().backends(*cluster_);
  if (seen == Seen::no && retries_ == 0) {
    backends.count_retry();
  } else if (!backends.begin_retry()) {
    return false;
  }
  repeats_ = true;
  ++retries_;
  return true;
}

void Forwarder::drop_retry() noexcept {
  if (repeats_) {
    repeats_ = false;
    frontend_.worker().backends(*cluster_).end_retry();
  }
}

bool Forwarder::retry(const Error& why) noexcept {
  if (!can_repeat()) {
    return false;
  }
  const Seen seen = why.retry == Retry::safe ? Seen::no : Seen::yes;
  // A kept connection that had died, or one that takes no more requests: not the server's fault.
  const bool stale = x.upstream_reused || why.code == ErrorCode::upstream_stream_refused;
  const auto kind = kind_of(why);
  if (!kind) {
    return false;
  }
  if (stale && !was_stale_ && *kind != RetryOn::timeout && may_repeat_stale(seen)) {
    was_stale_ = true;
    had_stale_ = seen == Seen::no;
    if (seen == Seen::yes) {
      ++retries_;     // and the last one: a server that is dying would reset the next one, too
      fresh_ = true;  // of another server, the kept ones may be as dead
    }
  } else if (!route_->retry.has(*kind) || !(may_repeat(seen) || goes_to_next_tier(seen)) ||
             !begin_retry(seen)) {
    return false;
  }
  if (why.code == ErrorCode::upstream_protocol &&
      cluster_->backends.pool.protocol == upstream::Protocol::either) {
    tried_.remove(server_);  // its protocol is known now
  }
  return true;
}

void Forwarder::on_attempt_failed(Attempt& from, const Error& why) noexcept {
  if (answered()) {
    return;
  }
  if (rival_) {
    retries_ -=
        !rival_->races && why.retry == Retry::safe ? 1U : 0U;  // that one was seen by nobody
    lose(from, to_string(why.code));
    return;
  }
  if (retry(why)) {
    last_error_ = why;
    try_again();
  } else if (phase_ == Phase::connecting) {
    answer_error(why.code, why.side);
  } else {
    abort_response(why.code, why.side);
  }
}

// An answer that is as good as none.
bool Forwarder::retry_status() noexcept {
  if (!can_repeat() || !may_repeat(Seen::yes) || !begin_retry(Seen::yes)) {
    return false;
  }
  attempt_->count_failure(ErrorCode::upstream_bad_status);
  attempt_->abandon(ErrorCode::upstream_bad_status);
  last_error_ = {ErrorCode::upstream_bad_status, Side::upstream, Retry::never, 0, nullptr};
  try_again();
  return true;
}

std::string_view Forwarder::status_text(uint16_t status) noexcept {
  return x.arena.copy(std::to_string(status));  // rare
}

std::string_view Forwarder::how_it_failed() noexcept {
  return last_error_.code == ErrorCode::upstream_bad_status ? status_text(x.upstream_status)
                                                            : to_string(last_error_.code);
}

// At once the first time, then with pauses, each about twice as long.
void Forwarder::try_again() noexcept {
  net::EventLoop& loop = frontend_.worker().loop();
  timer_.reset();
  if (retries_ < 2) {
    loop.defer(*this);  // not from inside the failed try
    return;
  }
  const Duration pause =
      std::min(kFirstPause * (int64_t{1} << std::min(retries_ - 2, 8U)), kLongestPause);
  const uint64_t random = mix64(static_cast<uint64_t>(loop.now().time_since_epoch().count()));
  const auto drawn = static_cast<int64_t>(random % static_cast<uint64_t>(pause.count()));
  arm_timer(TimerFor::pause, pause / 2 + Duration(drawn));
}

void Forwarder::on_deferred() noexcept {
  if (phase_ != Phase::connecting) {
    return;
  }
  drop_attempt();
  if (last_error_.retry != Retry::safe && retries_ > 0 && !had_stale_) {
    forget_tried();
  }
  try_backend();
}

// Of servers that all had their chance, any may have another.
void Forwarder::forget_tried() noexcept {
  const auto& servers = frontend_.worker().backends(*cluster_).set().endpoints();
  for (size_t i = 0; i < servers.size(); ++i) {
    if (!tried_.contains(i)) {
      return;
    }
  }
  tried_ = {};
}

void Forwarder::arm_timer(TimerFor what, Duration after) noexcept {
  timer_for_ = what;
  timer_.emplace(Callback<void()>::of<&Forwarder::on_timer>(this));
  frontend_.worker().loop().arm(*timer_, after);
}

void Forwarder::on_timer() noexcept {
  if (phase_ != Phase::connecting) {
    return;
  }
  switch (timer_for_) {
    case TimerFor::attempt:
      on_late();
      break;
    case TimerFor::hedge:
      hedge();
      break;
    case TimerFor::race:
      race();
      break;
    case TimerFor::pause:
      on_deferred();
      break;
    case TimerFor::queue:
      leave_queue();
      answer_error(ErrorCode::queue_timeout, Side::upstream);
      break;
  }
}

// No answer within try_timeout, which each of two tries has for itself.
void Forwarder::on_late() noexcept {
  const Duration per_try = route_->retry.per_try;
  const TimePoint since = rival_ ? rival_->connect_start : x.connect_start;
  if (const Duration age = frontend_.worker().loop().now() - since; age < per_try) {
    arm_timer(TimerFor::attempt, per_try - age);  // the earlier one has gone
    return;
  }
  const Error late{ErrorCode::upstream_timeout, Side::upstream, Retry::never, 0, nullptr};
  const bool two = rival_.has_value();
  Attempt& oldest = two ? *rival_->attempt : *attempt_;
  oldest.note_failure(late);
  oldest.abandon(late.code);
  on_attempt_failed(oldest, late);
  if (two) {
    arm_timer(TimerFor::attempt, per_try - (frontend_.worker().loop().now() - x.connect_start));
  }
}

// The name of its server stays in the record when a try goes.
void Forwarder::drop_attempt() noexcept {
  if (attempt_ != nullptr) {
    x.endpoint = x.arena.copy(x.endpoint);
    std::exchange(attempt_, nullptr)->end();
  }
}

void Forwarder::abandon_tries(ErrorCode why) noexcept {
  if (rival_) {
    Attempt& earlier = *rival_->attempt;
    earlier.abandon(why);
    earlier.end();
    note_failed(earlier.endpoint().name, to_string(why));
    rival_.reset();
  }
  if (attempt_ != nullptr) {
    attempt_->abandon(why);
  }
}

// For the log, of a try that is not the last one.
void Forwarder::note_failed(std::string_view server, std::string_view how) noexcept {
  x.failed_tries = x.failed_tries.empty() ? x.arena.concat(server, "=", how)
                                          : x.arena.concat(x.failed_tries, ",", server, "=", how);
}

// ---- a queue for servers that have all they may have

bool Forwarder::wait_for_room(upstream::Backends& backends) noexcept {
  if (its_turn_) {
    waits_on_ = cluster_->backends.max_pending > 0;
    return waits_on_;  // in front, where it was
  }
  if (!backends.wait(*this)) {
    return false;
  }
  queued_at_ = frontend_.worker().loop().now();
  note_event(x, queued_at_, "pingap.queued");
  arm_timer(TimerFor::queue, cluster_->backends.queue_timeout);
  return true;
}

void Forwarder::note_queued() noexcept {
  const TimePoint now = frontend_.worker().loop().now();
  x.queued += now - std::exchange(queued_at_, now);
  note_event(x, now, "pingap.dequeued");
}

void Forwarder::leave_queue() noexcept {
  if (upstream::Waiting::linked()) {
    frontend_.worker().backends(*cluster_).leave(*this);
    note_queued();
  }
}

upstream::Waiting::Turn Forwarder::on_turn() noexcept {
  note_queued();
  its_turn_ = true;
  waits_on_ = false;
  try_backend();
  its_turn_ = false;
  if (waits_on_) {
    return Turn::none;
  }
  if (timer_for_ == TimerFor::queue) {
    timer_.reset();  // it goes on, or has its answer
  }
  return Turn::taken;
}

}  // namespace pingap::proxy

// A try that is slow: a second one beside it at another server, and the first answer is taken
// ("hedging", Dean and Barroso, The Tail at Scale, 2013).
#include "http/method.h"
#include "proxy/forwarder.h"
#include "proxy/frontend.h"
#include "proxy/worker.h"

namespace pingap::proxy {

// Until a second try goes out, or until this one has had its time.
void Forwarder::watch_try() noexcept {
  const upstream::RetryPolicy& policy = route_->retry;
  if (policy.hedge_after > Duration::zero()) {
    arm_timer(TimerFor::hedge, policy.hedge_after);
  } else {
    arm_timer(TimerFor::attempt, policy.per_try);
  }
}

// All of the request is here, and whoever gets it may act on it twice. A client that has come back
// to its server is not sent away from it for being slow. Where the servers have changed it is not
// known any more which of them has the request.
bool Forwarder::may_hedge(const upstream::Backends& backends) const noexcept {
  return may_add_try(backends) && may_repeat(Seen::yes) && !is_home();
}

bool Forwarder::may_add_try(const upstream::Backends& backends) const noexcept {
  return can_repeat() && !rival_ && request_body_.over() && !request_body_.buffered() &&
         set_version_ == backends.version() && !backends.queued();
}

void Forwarder::hedge() noexcept {
  const upstream::RetryPolicy& policy = route_->retry;
  timer_.reset();
  if (policy.per_try > Duration::zero()) {
    arm_timer(TimerFor::attempt, policy.per_try - policy.hedge_after);
  }
  upstream::Backends& backends = frontend_.worker().backends(*cluster_);
  if (!may_hedge(backends)) {
    return;
  }
  const auto reuse =
      http::is_idempotent(x.request.method) ? upstream::Reuse::any : upstream::Reuse::recent;
  while (backends.begin_retry()) {
    repeats_ = true;
    upstream::Backends::Picked picked;
    if (!pick_server(backends, picked)) {
      drop_retry();
      return;
    }
    rival_.emplace(Rival{attempt_, server_, x.connect_start, x.request_sent, false});
    if (open_try(backends, picked, reuse)) {
      ++retries_;
      send_request();
      return;
    }
    lose(*attempt_, to_string(last_error_.code));
  }
}

// The earlier try is the only one again.
void Forwarder::stand_in() noexcept {
  attempt_ = rival_->attempt;
  server_ = rival_->server;
  x.endpoint = attempt_->endpoint().name;
  x.connect_start = rival_->connect_start;
  x.request_sent = rival_->request_sent;
  x.upstream_reused = attempt_->reused();
  rival_.reset();
}

void Forwarder::settle(const Attempt& winner) noexcept {
  const std::string_view how = rival_->races ? "raced" : "hedged";
  if (&winner != attempt_) {
    lose(*attempt_, how);
    return;
  }
  rival_->attempt->note_late();
  lose(*rival_->attempt, how);
}

// From here on the other one is the only one.
void Forwarder::lose(Attempt& loser, std::string_view how) noexcept {
  note_failed(loser.endpoint().name, how);
  if (&loser == attempt_) {
    stand_in();
  } else {
    rival_.reset();
  }
  loser.end();
}

}  // namespace pingap::proxy

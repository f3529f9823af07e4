// A name with addresses of both families: where a connection to one does not stand after a while,
// the other is tried beside it, and the one that stands first takes the request (RFC 8305 5).
// Nothing of a request is sent before, so that any request may be raced.
#include "proxy/forwarder.h"
#include "proxy/frontend.h"
#include "proxy/worker.h"

namespace pingap::proxy {
namespace {

constexpr Duration kConnectionAttemptDelay = std::chrono::milliseconds(250);  // RFC 8305 8

}  // namespace

void Forwarder::watch_connect() noexcept {
  if (frontend_.worker().backends(*cluster_).set().other_family(server_)) {
    arm_timer(TimerFor::race, kConnectionAttemptDelay);
  }
}

void Forwarder::race() noexcept {
  timer_.reset();
  upstream::Backends& backends = frontend_.worker().backends(*cluster_);
  if (!attempt_->connecting() || !may_add_try(backends)) {
    return;
  }
  const std::optional<size_t> other = backends.set().other_family(server_);
  if (!other || tried_.contains(*other) ||
      !backends.set().endpoints()[*other]->state->takes(now(), false)) {
    return;
  }
  upstream::Backends::Picked picked;
  if (!backends.again(*other, picked)) {
    return;
  }
  rival_.emplace(Rival{attempt_, server_, x.connect_start, x.request_sent, true});
  if (!open_try(backends, picked, upstream::Reuse::recent)) {
    lose(*attempt_, to_string(last_error_.code));
    return;
  }
  if (!attempt_->connecting()) {
    settle(*attempt_);  // it stands already
  }
  send_request();
}

}  // namespace pingap::proxy

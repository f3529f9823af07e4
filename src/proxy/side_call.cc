#include "proxy/side_call.h"

#include <utility>

#include "http/limits.h"
#include "net/proxy_protocol.h"
#include "proxy/attempt.h"
#include "proxy/worker.h"

namespace pingap::proxy {

using http::Framing;

SideCall::SideCall(Worker& worker, const Cluster& cluster, plugin::Subrequest asked,
                   plugin::Subresponse* to, Arena& arena, Callback<void()> done) noexcept
    : worker_(worker),
      cluster_(cluster),
      asked_(std::move(asked)),
      to_(to),
      arena_(arena),
      done_(done) {
}

SideCall::~SideCall() {
  end_try();
}

void SideCall::start() noexcept {
  worker_.loop().arm(timer_, asked_.timeout);
  try_server();
}

void SideCall::try_server() noexcept {
  upstream::Backends& backends = worker_.backends(cluster_);
  upstream::balancer::Request wanted{.tried = tried_};
  upstream::Backends::Picked picked;
  while (tries_ < kTries && backends.pick(wanted, {}, picked)) {
    ++tries_;
    if (open(backends, picked)) {
      send();
      return;
    }
    end_try();
    wanted.tried = tried_;
  }
  finish(error_ ? error_ : Error{ErrorCode::no_upstream, Side::upstream, Retry::never, 0, nullptr});
}

bool SideCall::open(upstream::Backends& backends,
                    const upstream::Backends::Picked& picked) noexcept {
  pool_ = picked.pool;
  permit_ = picked.permit;
  whole_ = picked.whole;
  tried_.add(picked.index);
  reported_ = false;
  interim_ = 0;
  backends.begin_try(*pool_, false);
  // Nobody in particular is behind it.
  net::ProxyHeaderRoom room;
  const std::string_view opening = cluster_.send_proxy
                                       ? net::write_proxy_header(*cluster_.send_proxy, {}, {}, room)
                                       : std::string_view();
  const auto reuse = std::exchange(fresh_, false) ? upstream::Reuse::never : upstream::Reuse::any;
  auto opened = pool_->open(*this, reuse, cluster_.settings, {asked_.authority, opening, false});
  if (!opened) {
    error_ = opened.error();
    pool_->counts().add(error_.code);
    report(outcome_of(error_, false));
    return false;
  }
  stream_ = opened->stream;
  reused_ = opened->reused;
  return true;
}

void SideCall::send() noexcept {
  http::RequestHead head;
  head.method = asked_.method;
  head.method_text = asked_.method_text;
  head.target = asked_.target;
  head.authority =
      asked_.authority.empty() ? std::string_view(pool_->endpoint().authority) : asked_.authority;
  head.headers = asked_.headers;
  if (asked_.body.empty()) {
    stream_->send_head(head, End::yes);
    return;
  }
  head.framing = Framing::length;
  head.content_length = asked_.body.size();
  ByteQueue copy;  // the next try may need it
  copy.share_from(asked_.body, 0);
  stream_->send_head(head, End::no);
  stream_->send_body(copy, End::yes);
}

void SideCall::report(upstream::Outcome outcome) noexcept {
  if (!std::exchange(reported_, true)) {
    worker_.backends(cluster_).report(*pool_, permit_, whole_, outcome);
  }
}

void SideCall::end_try() noexcept {
  if (stream_ != nullptr) {
    std::exchange(stream_, nullptr)->reset(ErrorCode::none);
  }
  if (pool_ != nullptr) {
    report(answered_ ? upstream::Outcome::success : upstream::Outcome::none);
    worker_.backends(cluster_).end_try(*std::exchange(pool_, nullptr));
  }
}

void SideCall::on_head(http::ResponseHead& head, End /*end*/) noexcept {
  if (head.status < 200) {
    if (head.status == 101 || ++interim_ > http::limits::kInterim) {
      report(upstream::Outcome::failure);
      finish({ErrorCode::upstream_too_many_interim, Side::upstream, Retry::never, 0, nullptr});
    }
    return;
  }
  answered_ = true;
  pool_->counts().add_answer(head.status);
  if (cluster_.failure_statuses.contains(head.status)) {
    report(upstream::Outcome::failure);
  }
  if (to_ != nullptr) {
    to_->head = head;
    to_->head.headers = http::HeaderMap::copy(head.headers, arena_, 0);
  }
}

void SideCall::on_body(ByteQueue& data, End /*end*/) noexcept {
  const size_t size = data.size();
  if (to_ != nullptr) {
    const size_t room = asked_.max_body - std::min(asked_.max_body, to_->body.size());
    to_->cut = to_->cut || size > room;
    to_->body.move_from(data, room);
  }
  data.clear();
  stream_->release_window(size);
}

void SideCall::on_closed(const Error& why) noexcept {
  stream_ = nullptr;
  if (over_) {
    return;
  }
  if (why) {
    pool_->counts().add(why.code);
    report(outcome_of(why, reused_));
    error_ = why;
    // A kept connection that had died, or a server that cannot have seen it.
    fresh_ = reused_;
    if (!answered_ && (reused_ || why.retry == Retry::safe) && tries_ < kTries) {
      if (reused_) {
        tried_ = {};  // it was only the connection
      }
      worker_.loop().defer(*this);
      return;
    }
  }
  finish(why);
}

void SideCall::finish(const Error& why) noexcept {
  if (std::exchange(over_, true)) {
    return;
  }
  timer_.cancel();
  error_ = why;
  if (to_ != nullptr) {
    to_->error = why;
  }
  worker_.loop().defer(*this);
}

void SideCall::on_timeout() noexcept {
  if (pool_ != nullptr) {
    pool_->counts().add(ErrorCode::upstream_timeout);
    if (!answered_) {
      report(upstream::Outcome::unreachable);
    }
  }
  finish({ErrorCode::upstream_timeout, Side::upstream, Retry::never, 0, nullptr});
}

// Outside of what the stream calls.
void SideCall::on_deferred() noexcept {
  end_try();
  if (over_) {
    done_();
  } else {
    try_server();
  }
}

}  // namespace pingap::proxy

#include "remote/etcd_follower.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"

namespace pingap::remote {
namespace {

using std::chrono::duration_cast;

// Who changes several keys one after the other means one change.
constexpr Duration kQuiet = milliseconds(50);
// But somebody who goes on and on is not waited for.
constexpr Duration kLongestBurst = milliseconds(500);
// A member that says nothing for so long is asked whether it still belongs to a working cluster.
constexpr Duration kSilence = std::chrono::seconds(5);
// A watch that has lived for so long was not in vain.
constexpr Duration kWell = std::chrono::seconds(5);

milliseconds until(TimePoint now, TimePoint then) {
  return std::max(duration_cast<milliseconds>(then - now) + milliseconds(1), milliseconds(0));
}

}  // namespace

EtcdFollower::EtcdFollower(EtcdClient& client, Settings settings)
    : client_(client), settings_(std::move(settings)), trouble_(settings_.part, settings_.owner) {
}

void EtcdFollower::refresh() noexcept {
  {
    const std::scoped_lock lock(mutex_);
    asked_.store(true);
  }
  woken_.notify_all();
  client_.wake();
}

void EtcdFollower::run(std::optional<EtcdRange> known, const Changed& changed,
                       const std::stop_token& stop) {
  known_ = std::move(known);
  changed_ = &changed;
  stop_ = stop;
  while (!stop_.stop_requested()) {
    if (!read()) {
      on_trouble(failure_);
      wait();
      continue;
    }
    watch();
  }
}

// False: `failure_` says why there was no answer.
bool EtcdFollower::read() {
  const bool asked = asked_.exchange(false);
  due_.reset();
  auto range = client_.range(settings_.prefix, stop_);
  if (!range) {
    failure_ = range.error();
    if (asked && failure_.kind != EtcdError::Kind::stopped) {
      (*changed_)(std::move(range));
    }
    return false;
  }
  revision_ = range->revision;
  heard_at_ = steady_now();
  std::erase_if(range->items, [&](const EtcdItem& item) { return !settings_.wanted(item.key); });
  const bool news = asked || !known_ || !known_->same_as(*range);
  EtcdRange known{{}, range->revision};
  known.items.reserve(range->items.size());
  for (const EtcdItem& item : range->items) {
    known.items.push_back({item.key, {}, item.mod_revision});
  }
  known_ = std::move(known);
  if (news) {
    (*changed_)(std::move(*range));
  }
  return true;
}

void EtcdFollower::watch() {
  failure_ = {};
  watching_since_ = TimePoint::max();
  EtcdError end =
      client_.watch(settings_.prefix, revision_ + 1, stop_,
                    {[this] { on_watching(); }, [this](int64_t revision) { on_change(revision); },
                     [this] { return tick(); }});
  if (stop_.stop_requested()) {
    return;
  }
  if (!failure_.what.empty()) {
    end = failure_;  // of what was asked meanwhile
  }
  // That one has ended says little: the next read finds out whether etcd is there.
  if (++failures_ == 1) {
    return;
  }
  on_trouble(end);
  wait();
}

void EtcdFollower::on_watching() {
  watching_since_ = heard_at_ = steady_now();
  trouble_.end();
  if (std::exchange(troubled_, false)) {
    PINGAP_LOG(info, "{} can be read again", settings_.name);
  }
}

void EtcdFollower::on_change(int64_t revision) {
  const TimePoint now = steady_now();
  heard_at_ = now;
  if (revision <= revision_) {
    return;  // that was seen by the last read
  }
  if (!due_) {
    change_at_ = now;
  }
  due_ = std::min(now + kQuiet, change_at_ + kLongestBurst);
}

// While the watch is open. Nothing ends it.
std::optional<milliseconds> EtcdFollower::tick() {
  TimePoint now = steady_now();
  if (watching_since_ != TimePoint::max() && now - watching_since_ > kWell) {
    failures_ = 0;
    backoff_.reset();
  }
  if (asked_.load() || (due_ && *due_ <= now)) {
    if (!read()) {
      return std::nullopt;
    }
    now = heard_at_;
  }
  if (now - heard_at_ >= kSilence) {
    if (auto alive = client_.check(settings_.prefix, stop_); !alive) {
      failure_ = alive.error();
      return std::nullopt;
    }
    heard_at_ = now = steady_now();
  }
  return until(now, due_ ? std::min(*due_, heard_at_ + kSilence) : heard_at_ + kSilence);
}

void EtcdFollower::on_trouble(const EtcdError& error) {
  ++failures_;
  if (stop_.stop_requested()) {
    return;
  }
  const std::string what = fmt::format("{} cannot be read: {}; {}, and it is tried again and again",
                                       settings_.name, error.what, settings_.meanwhile);
  trouble_.begin(what);
  if (!std::exchange(troubled_, true)) {
    PINGAP_LOG(warn, "{}", what);
  }
}

void EtcdFollower::wait() {
  std::unique_lock lock(mutex_);
  woken_.wait_for(lock, stop_, backoff_.next(), [this] { return asked_.load(); });
}

}  // namespace pingap::remote

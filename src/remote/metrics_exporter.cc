#include "remote/metrics_exporter.h"

#include <algorithm>
#include <pthread.h>
#include <utility>

#include "base/log.h"

namespace pingap::remote {
namespace {

constexpr std::chrono::seconds kTellEvery{60};  // of failures that go on

}  // namespace

// ---- control thread

void MetricsExporter::use(std::shared_ptr<const MetricsTarget> target) {
  {
    const std::lock_guard lock(mutex_);
    if (target == nullptr && !thread_.joinable()) {
      return;
    }
    next_ = std::move(target);
    has_next_ = true;
    if (!thread_.joinable()) {
      thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
    }
  }
  changed_.notify_all();
}

void MetricsExporter::stop(const std::function<std::string()>& last) noexcept {
  if (!thread_.joinable()) {
    return;
  }
  thread_ = {};  // asks it to stop, and waits
  if (last != nullptr && target_ != nullptr) {
    send(last(), kFlush, {});
  }
}

// ---- its own thread

void MetricsExporter::run(const std::stop_token& stop) {
  pthread_setname_np(pthread_self(), "pingap-metrics");
  while (!stop.stop_requested()) {
    adopt();
    {
      std::unique_lock lock(mutex_);
      const auto told = [this] { return has_next_; };
      if (target_ == nullptr) {
        changed_.wait(lock, stop, told);
        continue;
      }
      if (changed_.wait_until(lock, stop, due_, told)) {
        continue;
      }
    }
    due_ = Clock::now() + target_->interval;
    const auto metrics = stop.stop_requested() ? std::nullopt : collect(stop);
    if (metrics) {
      send(*metrics, target_->timeout, stop);
    }
  }
}

// Goes by what it was told last.
void MetricsExporter::adopt() {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(has_next_, false)) {
    return;
  }
  const bool first = target_ == nullptr;
  target_ = std::move(next_);
  sender_.reset();
  if (target_ == nullptr) {
    trouble_.end();
    failing_ = false;
  } else {
    const auto due = Clock::now() + target_->interval;
    due_ = first ? due : std::min(due_, due);  // reloads do not put it off
    sender_ = target_->make_sender();
  }
}

std::optional<std::string> MetricsExporter::collect(const std::stop_token& stop) {
  auto box = std::make_shared<Box>();
  collect_([box](std::string text) {
    const std::lock_guard lock(box->mutex);
    box->text = std::move(text);
    box->filled.notify_all();
  });
  std::unique_lock lock(box->mutex);
  box->filled.wait(lock, stop, [&box] { return box->text.has_value(); });
  return std::move(box->text);
}

void MetricsExporter::send(const std::string& metrics, milliseconds longest,
                           const std::stop_token& stop) {
  const std::string wrong = metrics.empty() ? std::string() : sender_->send(metrics, longest, stop);
  if (!stop.stop_requested()) {
    tell(wrong);
  }
}

// That it fails, now and then; that it works again, once.
void MetricsExporter::tell(const std::string& wrong) {
  if (wrong.empty()) {
    trouble_.end();
    if (std::exchange(failing_, false)) {
      PINGAP_LOG(info, "[metrics]: they are taken again by {}", target_->url);
    }
    return;
  }
  trouble_.begin(wrong);
  const auto now = Clock::now();
  if (!std::exchange(failing_, true) || now - told_ >= kTellEvery) {
    told_ = now;
    PINGAP_LOG(warn, "[metrics]: {}", wrong);
  }
}

}  // namespace pingap::remote

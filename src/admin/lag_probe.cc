#include "admin/lag_probe.h"

#include <algorithm>

namespace pingap::admin {
namespace {

constexpr Duration kEvery = std::chrono::seconds(1);

}  // namespace

void LagProbe::start(const proxy::Server& server) {
  if (server_ == nullptr) {
    server_ = &server;
    workers_ = std::make_shared<std::vector<Worker>>(server.workers());
    sent_.resize(server.workers());
    sent_at_.resize(server.workers());
  }
  if (!timer_.armed()) {
    on_timer();
  }
}

// A worker that has not come to the last one gets no more.
void LagProbe::on_timer() noexcept {
  const TimePoint now = steady_now();
  std::vector<bool> asked(sent_.size());
  for (size_t i = 0; i < sent_.size(); ++i) {
    asked[i] = (*workers_)[i].answered.load(std::memory_order_acquire) == sent_[i];
    if (asked[i]) {
      ++sent_[i];
      sent_at_[i] = now;
    }
  }
  server_->tell_workers([all = workers_, asked, now](const proxy::Worker& one) {
    const size_t index = one.index();
    if (asked[index]) {
      Worker& worker = (*all)[index];
      worker.took.store((steady_now() - now).count(), std::memory_order_relaxed);
      worker.answered.fetch_add(1, std::memory_order_release);
    }
  });
  loop_.arm(timer_, kEvery);
}

std::vector<Duration> LagProbe::lags() const {
  std::vector<Duration> all;
  for (size_t i = 0; i < sent_.size(); ++i) {
    const Worker& worker = (*workers_)[i];
    const bool waits = worker.answered.load(std::memory_order_acquire) != sent_[i];
    all.push_back(waits ? steady_now() - sent_at_[i]
                        : Duration(worker.took.load(std::memory_order_relaxed)));
  }
  return all;
}

}  // namespace pingap::admin

// How long the event loops of workers take to come to what is asked of them: a message to each,
// once a second. It costs requests nothing. Control thread.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "net/event_loop.h"
#include "net/timer.h"
#include "proxy/server.h"

namespace pingap::admin {

class LagProbe {
 public:
  explicit LagProbe(net::EventLoop& loop) noexcept : loop_(loop) {}

  // Of the workers of `server`, which outlives this.
  void start(const proxy::Server& server);

  void stop() noexcept { timer_.cancel(); }

  // By worker: how long the last message took, or has been on its way by now; empty before the
  // first one.
  std::vector<Duration> lags() const;

 private:
  struct Worker {
    std::atomic<int64_t> took{0};  // ns; the worker writes
    std::atomic<uint64_t> answered{0};
  };

  void on_timer() noexcept;

  net::EventLoop& loop_;
  const proxy::Server* server_ = nullptr;
  std::shared_ptr<std::vector<Worker>> workers_;  // messages may be under way when this ends
  std::vector<TimePoint> sent_at_;                // of the oldest one without an answer
  std::vector<uint64_t> sent_;
  net::Timer timer_{Callback<void()>::of<&LagProbe::on_timer>(this)};
};

}  // namespace pingap::admin

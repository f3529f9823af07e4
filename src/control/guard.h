// Watches how a configuration does in its first moments, beside the one before. Control thread.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "control/answer_window.h"
#include "net/event_loop.h"
#include "proxy/live_upstreams.h"
#include "proxy/server.h"

namespace pingap::control {

class Guard {
 public:
  using Worse = std::function<void(const std::string& why)>;

  // All outlive it.
  Guard(const proxy::Server& server, const proxy::LiveUpstreams& upstreams, net::EventLoop& loop);
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  // What runs is another one from now on, whether it is watched or not.
  void begin();
  // A configuration is about to take the place of the one that runs, before anything is done for
  // it: how that one has done.
  void remember();
  // For so long from now on: where the share of answers with 5xx is higher by more than `percent`
  // of all, or an upstream that had servers has none left, `worse` is called, once.
  void watch(Duration window, uint32_t percent, Worse worse);

  void cancel() noexcept { timer_.cancel(); }

  bool watching() const noexcept { return timer_.armed(); }

 private:
  void on_timer() noexcept;
  void on_look() noexcept;
  std::string what_is_worse() const;

  const proxy::Server& server_;
  const proxy::LiveUpstreams& upstreams_;
  net::EventLoop& loop_;
  AnswerWindow answers_;       // of what runs now
  double share_before_ = 0;    // of 5xx among the answers of the one before
  std::set<std::string> had_;  // upstreams with servers, before
  uint32_t percent_ = 0;
  TimePoint until_{};
  Worse worse_;
  net::Timer look_{Callback<void()>::of<&Guard::on_look>(this)};
  net::Timer timer_{Callback<void()>::of<&Guard::on_timer>(this)};
};

}  // namespace pingap::control

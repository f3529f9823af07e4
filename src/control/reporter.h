// What plugins can say of the process (plugin/process_report.h).
#pragma once

#include <array>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "control/side_service.h"
#include "net/event_loop.h"
#include "observe/exposition.h"
#include "plugin/process_report.h"
#include "proxy/server.h"

namespace pingap::control {

class Reporter final : public plugin::ProcessReporter {
 public:
  // Control thread, before the first request. All outlive it; `side` may be null, `loop` is that of
  // this thread.
  Reporter(const proxy::Server& server, const SideService* side, net::EventLoop& loop);
  Reporter(const Reporter&) = delete;
  Reporter& operator=(const Reporter&) = delete;
  ~Reporter();

  // plugin::ProcessReporter
  plugin::ProcessReport report() const noexcept override;
  void metrics(std::string_view accept, Done done) override;

 private:
  void answer(observe::Form form);

  const proxy::Server& server_;
  const SideService* side_;
  net::EventLoop& loop_;
  const TimePoint started_ = steady_now();
  std::mutex mutex_;
  // Guarded by it, by form: who asks while a text is to be made gets the same one.
  std::array<std::vector<Done>, 2> waiting_;
};

}  // namespace pingap::control

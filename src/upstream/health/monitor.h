// The checks of all servers of one upstream. Control thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "upstream/endpoint_set.h"
#include "upstream/health/check.h"

namespace pingap::upstream {

class HealthMonitor {
 public:
  // `upstream` is its name; it and `settings` outlive the monitor.
  HealthMonitor(net::EventLoop& loop, const HealthSettings& settings, const std::string& upstream);

  // Checks these from now on: who stays goes on, who is new is checked soon.
  void watch(const EndpointSet& servers);

 private:
  // Within which all servers get their first check, not all at once.
  static constexpr Duration kStart = std::chrono::seconds(1);

  net::EventLoop& loop_;
  const HealthSettings& settings_;
  const std::string& upstream_;
  std::vector<std::unique_ptr<Check>> checks_;
  uint64_t seed_ = 0;
};

}  // namespace pingap::upstream

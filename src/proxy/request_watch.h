// Requests that somebody wants to see, for a while: a line each in the application log, with what
// was decided and how long it took (`pingap trace`). Made by the control thread, shared by all
// workers; where nobody watches, a request costs a look at a null pointer.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ip.h"
#include "exchange/access_log.h"
#include "exchange/exchange.h"

namespace pingap::proxy {

class RequestWatch {
 public:
  struct Settings {
    std::optional<Network> client;  // none: any
    std::string path;               // how the path begins, in its canonical form
    uint32_t most = 0;              // lines
    TimePoint until{};
  };

  explicit RequestWatch(Settings settings);

  // Worker:
  bool wants(const exchange::Exchange& x) const noexcept;
  // It is over. `plugins` tells what they did; plain text.
  void note(const exchange::Exchange& x, std::string_view plugins, WallTime now) noexcept;

  // Any thread: how many it has noted, those that were too many included.
  uint32_t noted() const noexcept { return noted_.load(std::memory_order_relaxed); }

  const Settings& settings() const noexcept { return settings_; }

 private:
  const Settings settings_;
  const exchange::AccessLogFormat format_;
  std::atomic<uint32_t> noted_{0};
};

}  // namespace pingap::proxy

// Sends what is counted to a collector of OTLP, now and then, on a thread of its own. Counts are
// since the start: what could not be sent is in what is sent next, so nothing is tried again. A
// collector that is slow or away costs nobody anything.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/trouble.h"
#include "remote/otlp_client.h"
#include "trace/otlp.h"

namespace pingap::remote {

struct MetricsTarget {
  OtlpTarget collector;
  milliseconds interval{60'000};
  trace::Attributes resource;
};

class MetricsExporter {
 public:
  // Calls `done` with what is counted, as fields of a ScopeMetrics (admin/otlp_metrics.h): once, on
  // any thread, now or later; or never.
  using Done = std::function<void(std::string)>;
  using Collect = std::function<void(Done)>;

  explicit MetricsExporter(Collect collect) : collect_(std::move(collect)) {}

  MetricsExporter(const MetricsExporter&) = delete;
  MetricsExporter& operator=(const MetricsExporter&) = delete;

  ~MetricsExporter() { stop({}); }

  // Control thread. From now on; null: nobody is sent anything.
  void use(std::shared_ptr<const MetricsTarget> target);

  // Control thread, at the end: sends these, for at most kFlush; empty = nothing.
  void stop(const std::string& last) noexcept;

  static constexpr milliseconds kFlush{2'000};

 private:
  using Clock = std::chrono::steady_clock;

  // What collect_ has brought; it may come when nobody waits any more.
  struct Box {
    std::mutex mutex;
    std::condition_variable_any filled;
    std::optional<std::string> text;
  };

  void run(const std::stop_token& stop);
  void adopt();
  std::optional<std::string> collect(const std::stop_token& stop);
  void send(const std::string& metrics, milliseconds longest, const std::stop_token& stop);
  void tell(const OtlpOutcome& outcome);

  const Collect collect_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  // Guarded by mutex_:
  std::shared_ptr<const MetricsTarget> next_;
  bool has_next_ = false;
  // The thread's; once it has ended, the control thread's:
  std::shared_ptr<const MetricsTarget> target_;
  Clock::time_point due_{};  // the next time
  std::optional<OtlpClient> client_;
  trace::Origin origin_;
  bool failing_ = false;
  Clock::time_point told_{};
  Trouble trouble_{Trouble::Part::metrics, "collector"};

  std::jthread thread_;
};

}  // namespace pingap::remote

// Sends what is counted to somebody, now and then, on a thread of its own. Counts are since the
// start: what could not be sent is in what is sent next, so nothing is tried again. One that is
// slow or away costs nobody anything.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "base/trouble.h"

namespace pingap::remote {

using std::chrono::milliseconds;

// Brings it there. Blocks; one thread at a time.
class MetricsSender {
 public:
  virtual ~MetricsSender() = default;

  // Within `longest`, or until it is asked to stop. What is wrong, a text for people; empty = all
  // of it was taken.
  virtual std::string send(const std::string& metrics, milliseconds longest,
                           const std::stop_token& stop) = 0;
};

struct MetricsTarget {
  std::string url;  // for the log
  milliseconds interval{60'000};
  milliseconds timeout{10'000};  // of one request
  std::function<std::unique_ptr<MetricsSender>()> make_sender;
};

class MetricsExporter {
 public:
  // Calls `done` with what is counted, as the sender wants it: once, on any thread, now or later;
  // or never.
  using Done = std::function<void(std::string)>;
  using Collect = std::function<void(Done)>;

  // `receiver` names whom it is sent to where there is trouble.
  MetricsExporter(std::string receiver, Collect collect)
      : collect_(std::move(collect)), trouble_(Trouble::Part::metrics, std::move(receiver)) {}

  MetricsExporter(const MetricsExporter&) = delete;
  MetricsExporter& operator=(const MetricsExporter&) = delete;

  ~MetricsExporter() { stop(nullptr); }

  // Control thread. From now on; null: nobody is sent anything.
  void use(std::shared_ptr<const MetricsTarget> target);

  // Control thread, at the end: sends what `last` says, for at most kFlush; null = nothing.
  void stop(const std::function<std::string()>& last) noexcept;

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
  void tell(const std::string& wrong);

  const Collect collect_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  // Guarded by mutex_:
  std::shared_ptr<const MetricsTarget> next_;
  bool has_next_ = false;
  // The thread's; once it has ended, the control thread's:
  std::shared_ptr<const MetricsTarget> target_;
  Clock::time_point due_{};  // the next time
  std::unique_ptr<MetricsSender> sender_;
  bool failing_ = false;
  Clock::time_point told_{};
  Trouble trouble_;

  std::jthread thread_;
};

}  // namespace pingap::remote

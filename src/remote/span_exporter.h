// Sends the spans that workers leave (trace/span_rings.h) to a collector, by OTLP over gRPC or
// HTTP: in batches, one at a time, on a thread of its own. A collector that is slow or away costs
// nobody anything but spans, which are counted.
//
//   rings --collect--> batch --post--> taken
//                        ^       |
//                        +-pause-+ (worth another try; after kGiveUp it is dropped)
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/trouble.h"
#include "remote/otlp_client.h"
#include "trace/otlp.h"
#include "trace/span_rings.h"

namespace pingap::remote {

// Where spans go, and how.
struct SpanTarget {
  OtlpTarget collector;
  size_t batch_size = 512;  // spans
  milliseconds batch_delay{1'000};
  trace::Attributes resource;
};

class SpanExporter {
 public:
  SpanExporter() = default;
  SpanExporter(const SpanExporter&) = delete;
  SpanExporter& operator=(const SpanExporter&) = delete;

  ~SpanExporter() { stop(); }

  // Control thread. From now on; starts the thread where there is none. What is in the rings
  // before goes there, too. Both null: what is left goes to the target before, and that is all.
  void use(std::shared_ptr<const SpanTarget> target, std::shared_ptr<trace::SpanRings> rings);

  // Control thread, once no worker is left: sends what there is, for at most kFlush, and ends.
  void stop() noexcept;

  static constexpr milliseconds kFlush{2'000};

 private:
  using Clock = std::chrono::steady_clock;

  void run(const std::stop_token& stop);
  void adopt();
  void forget_old_rings();
  void wait();
  bool collect();
  void send(const std::stop_token& stop);
  trace::SpanRings& totals() noexcept;
  OtlpOutcome post(const std::stop_token& stop);
  void pause(milliseconds time);
  std::optional<milliseconds> time_left();
  void tell(const OtlpOutcome& outcome);

  struct Next {
    std::shared_ptr<const SpanTarget> target;
    std::shared_ptr<trace::SpanRings> rings;
  };

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_:
  std::optional<Next> next_;
  std::shared_ptr<trace::SpanRings> waited_on_;  // whose wake() is heard
  std::optional<Clock::time_point> stop_by_;
  bool ended_ = true;
  // The thread's:
  std::shared_ptr<const SpanTarget> target_;
  std::shared_ptr<trace::SpanRings> rings_;
  std::vector<std::shared_ptr<trace::SpanRings>> old_rings_;  // workers may still hold them
  trace::Origin origin_;
  trace::Bytes batch_;
  size_t spans_ = 0;  // in it
  std::optional<OtlpClient> client_;
  bool failing_ = false;
  Trouble trouble_{Trouble::Part::tracing, "collector"};
  Clock::time_point told_{};

  std::jthread thread_;
};

}  // namespace pingap::remote

// What a process can say of itself, for plugins that show it: given by who knows. Set once before
// the first request; any thread then.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace pingap::plugin {

struct ProcessReport {
  uint64_t requests = 0;  // answered
  uint64_t server_errors = 0;
  uint64_t handshakes = 0;  // of TLS
  uint64_t uptime = 0;      // seconds
  uint32_t connections = 0;
  uint32_t workers = 0;
};

// All that is counted, for Prometheus.
struct MetricsReport {
  std::shared_ptr<const std::string> text;
  std::string_view content_type;  // a constant
};

class ProcessReporter {
 public:
  using Done = std::function<void(const MetricsReport&)>;

  virtual ProcessReport report() const noexcept = 0;
  // In the form that `accept`, a field of a request, prefers. `done` is called later, on another
  // thread; not at all where the process ends before.
  virtual void metrics(std::string_view accept, Done done) = 0;

 protected:
  ~ProcessReporter() = default;
};

// The one of this process; null = there is none (`pingap validate`). Control thread sets.
void set_process_reporter(ProcessReporter* reporter) noexcept;
ProcessReporter* process_reporter() noexcept;

}  // namespace pingap::plugin

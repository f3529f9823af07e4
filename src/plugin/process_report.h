// What a process can say of itself, for plugins that show it: given by who knows. Set once before
// the first request; any thread then.
#pragma once

#include <cstdint>

namespace pingap::plugin {

struct ProcessReport {
  uint64_t requests = 0;  // answered
  uint64_t server_errors = 0;
  uint64_t handshakes = 0;  // of TLS
  uint64_t uptime = 0;      // seconds
  uint32_t connections = 0;
  uint32_t workers = 0;
};

class ProcessReporter {
 public:
  virtual ProcessReport report() const noexcept = 0;

 protected:
  ~ProcessReporter() = default;
};

// The one of this process; null = there is none (`pingap validate`). Control thread sets.
void set_process_reporter(const ProcessReporter* reporter) noexcept;
const ProcessReporter* process_reporter() noexcept;

}  // namespace pingap::plugin

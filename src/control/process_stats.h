// What the system says of this process: the numbers that Prometheus names process_*.
// Control thread; reads /proc.
#pragma once

#include <cstdint>

namespace pingap::control {

struct ProcessStats {
  double cpu_seconds = 0;
  uint64_t resident_bytes = 0;
  uint64_t virtual_bytes = 0;
  uint64_t open_fds = 0;
  uint64_t max_fds = 0;
  uint64_t threads = 0;
  double started = 0;  // seconds since 1970
};

// What cannot be read is 0.
ProcessStats read_process_stats();

}  // namespace pingap::control

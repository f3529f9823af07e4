// What the running process has counted at one moment, read from its metrics as Prometheus reads
// them. Pure; main thread of `pingap top`.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "observe/histogram.h"

namespace pingap::cli {

// A number of observations for each bucket of observe::kBounds, each without those below it.
using Buckets = std::array<double, observe::kBuckets>;

struct LocationCounts {
  double requests = 0;
  double client_errors = 0;  // answers with 4xx
  double server_errors = 0;  // with 5xx
  double broken = 0;         // that ended otherwise than they should, whatever the status
  double bytes_in = 0;       // of bodies
  double bytes_out = 0;
  Buckets durations{};
};

struct BackendCounts {
  std::string state;
  double weight = 0;
  double tries = 0;
  double failed = 0;         // tries that came to nothing
  double server_errors = 0;  // answers with 5xx
  double retries = 0;
  double connections = 0;  // open
  double in_flight = 0;
};

struct ProcessCounts {
  std::string version;
  double started = 0;  // seconds since 1970
  double cpu_seconds = 0;
  double resident_bytes = 0;
  double connections = 0;           // of clients
  std::optional<double> in_flight;  // none: requests are not counted, for want of [metrics]
  double lag = 0;                   // seconds, of the slowest worker
  double revision = 0;
  double reloads = 0;
  double refused_reloads = 0;
  bool last_reload_taken = true;
  double log_lines_dropped = 0;
};

struct Counts {
  using Name = std::pair<std::string, std::string>;

  ProcessCounts process;
  std::map<Name, LocationCounts> locations;  // by server and location
  std::map<Name, BackendCounts> backends;    // by upstream and server
};

// What is not known of `text`, the text format of Prometheus, is passed over.
Counts read_counts(std::string_view text);

}  // namespace pingap::cli

// Where and how the requests of a server or a location are logged: one for each different set of
// keys. Part of the snapshot; immutable, any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status_set.h"
#include "config/diagnostics.h"
#include "config/model.h"
#include "exchange/access_log.h"

namespace pingap::proxy {

// Which requests have a line. Without `on`: all.
struct LogFilter {
  bool on = false;
  StatusSet statuses;       // always
  Duration min_duration{};  // always, if it took so long; 0 = does not count
  uint32_t sample = 0;      // of the others one in so many, by chance; 0 = none

  // `chance`: any number, each as likely as another.
  bool keeps(const exchange::Exchange& x, uint64_t chance) const noexcept {
    return statuses.contains(x.status) ||
           (min_duration > Duration::zero() && x.finished - x.started >= min_duration) ||
           (sample > 0 && chance % sample == 0);
  }
};

struct RequestLog {
  std::string path;
  exchange::AccessLogFormat format;
  LogFilter filter;
  size_t index = 0;     // in the list of its site
  config::Position at;  // of the path
};

// The keys of a location over those of its server.
config::AccessLog inherit_access_log(const config::AccessLog& server,
                                     const config::AccessLog& location);

// Null: there is none, or the reason is in `diagnostics`.
std::unique_ptr<RequestLog> build_request_log(const config::AccessLog& from,
                                              config::Diagnostics& diagnostics);

}  // namespace pingap::proxy

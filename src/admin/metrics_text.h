// All that is counted, as Prometheus reads it. Control thread.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "control/side_service.h"
#include "observe/exposition.h"

namespace pingap::admin {

// `lags`: of the event loops, by worker. Every family is there, also without a sample.
std::string metrics_text(const control::Running& running, const std::vector<Duration>& lags,
                         observe::Form form);

// The same as fields of a ScopeMetrics of OTLP.
std::string metrics_otlp(const control::Running& running, const std::vector<Duration>& lags);

}  // namespace pingap::admin

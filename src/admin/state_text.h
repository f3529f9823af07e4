// How the process and its upstreams are right now, as JSON for people and their tools.
// Control thread.
#pragma once

#include <string>
#include <vector>

#include "admin/metrics_text.h"

namespace pingap::admin {

std::string state_text(const control::Running& running, const Build& build,
                       const std::vector<Duration>& lags);

}  // namespace pingap::admin

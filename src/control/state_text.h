// How the process and its upstreams are right now. Control thread.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "control/requests_view.h"
#include "control/side_service.h"

namespace pingap::control {

// As JSON, for programs. `lags`: of the event loops, by worker, where they are measured.
std::string state_text(const Running& running, const std::vector<Duration>& lags,
                       const RequestsReport& requests);

// In lines, for people.
std::string status_text(const Running& running);
std::string requests_text(const RequestsReport& requests);

}  // namespace pingap::control

// Times of the control thread that more than one place goes by.
#pragma once

#include "base/clock.h"

namespace pingap::control {

// How long a start waits for answers of who knows servers, and a reload.
inline constexpr Duration kFindServers = std::chrono::seconds(3);

}  // namespace pingap::control

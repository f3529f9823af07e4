// Tells the service manager how the process is (systemd's sd_notify protocol). Does nothing where
// there is none. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace pingap::control {

// "READY=1", "STOPPING=1", ...; several lines at once.
void notify(std::string_view state) noexcept;

// Before a reload: what systemd wants to see of one that it has asked for.
std::string reloading();

// How often the service manager wants a sign of life; none: it wants none.
std::optional<Duration> watchdog_interval() noexcept;

}  // namespace pingap::control

// In which form a client reads metrics. Pure, any thread.
#pragma once

#include <string_view>

#include "observe/exposition.h"

namespace pingap::control {

// What one that sends this Accept header is given: OpenMetrics where it names it, and does not like
// plain text better.
observe::Form choose_form(std::string_view accept) noexcept;

}  // namespace pingap::control

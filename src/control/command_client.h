// A command asks the running process. Main thread of the command; blocks.
#pragma once

#include <optional>
#include <string>

#include <tl/expected.hpp>

#include "base/clock.h"
#include "control/command.h"

namespace pingap::control {

// Waits for the answer: so long, or however long it takes. The error is for people, a line: nobody
// is there, or who is there is not to be trusted.
tl::expected<Answer, std::string> ask(const std::string& socket, const Command& command,
                                      std::optional<Duration> patience = {});

}  // namespace pingap::control

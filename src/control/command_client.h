// A command asks the running process. Main thread of the command; blocks.
#pragma once

#include <string>
#include <sys/types.h>

#include <tl/expected.hpp>

#include "base/clock.h"
#include "control/command.h"

namespace pingap::control {

// Waits for the answer, however long it takes, or as long as the process `alive` is (0: whoever
// it is), or until nothing of it has come for `longest` (0: for ever). The error is for people, a
// line: nobody is there, who is there is not to be trusted, or says nothing.
tl::expected<Answer, std::string> ask(const std::string& socket, const Command& command,
                                      pid_t alive = 0, Duration longest = {});

}  // namespace pingap::control

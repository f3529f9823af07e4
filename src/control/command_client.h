// A command asks the running process. Main thread of the command; blocks.
#pragma once

#include <string>
#include <sys/types.h>

#include <tl/expected.hpp>

#include "control/command.h"

namespace pingap::control {

// Waits for the answer, however long it takes, or as long as the process `alive` is (0: whoever
// it is). The error is for people, a line: nobody
// is there, or who is there is not to be trusted.
tl::expected<Answer, std::string> ask(const std::string& socket, const Command& command,
                                      pid_t alive = 0);

}  // namespace pingap::control

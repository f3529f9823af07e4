// What `pingap log` says and does: the levels of the application log while the process runs. They
// stay until the next reload or `reset`. Control thread.
#pragma once

#include <string>
#include <string_view>

#include "base/log.h"
#include "control/command.h"

namespace pingap::control {

// `words`, with blanks between: LEVEL for all, COMPONENT=LEVEL, or `reset` to what the
// configuration says. All or nothing of it is done. The answer tells how it is now.
Answer change_log_levels(std::string_view words, const log::Levels& configured);

}  // namespace pingap::control

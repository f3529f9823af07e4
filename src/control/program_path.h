// Where the program is started anew from in an upgrade. Main thread, before another folder is the
// current one.
#pragma once

#include <string>

namespace pingap::control {

// The absolute path that the program was started by (`started_as`, argv[0]), with its links: one
// that leads to another version since then leads to that one. Where that cannot be told the file
// that runs.
std::string program_path(const std::string& started_as);

}  // namespace pingap::control

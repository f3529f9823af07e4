// A text that differs whenever the contents of a file may: for those that watch one. Links are
// followed, so that replaced links, whole folders that are exchanged (Kubernetes) and network file
// systems are seen like everything else. Any thread; may block on the file system.
#pragma once

#include <string>

namespace pingap {

// "-" where there is no such file.
std::string file_state(const std::string& path);

}  // namespace pingap

// Where the revisions of a configuration are. Control thread.
#pragma once

#include <string>

namespace pingap::control {

// Of a file or folder: beside it. Of one in etcd, which is nowhere on this machine: in the first of
// STATE_DIRECTORY (by the service manager), /var/lib/pingap for root, and the state folder of the
// user (XDG_STATE_HOME, else ~/.local/state), by its URL without secrets. Empty: nowhere. Another
// user than the one who started the process finds the same folder where it is there already.
std::string history_folder_of(const std::string& config);

}  // namespace pingap::control

// Any thread; may block on the system's databases.
#pragma once

#include <string>
#include <sys/types.h>

namespace pingap::control {

// Of a user, or its number where it has none.
std::string user_name(uid_t uid);

}  // namespace pingap::control

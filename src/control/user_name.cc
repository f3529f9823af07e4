#include "control/user_name.h"

#include <array>
#include <pwd.h>

namespace pingap::control {

std::string user_name(uid_t uid) {
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  const int error = ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
  return error == 0 && found != nullptr ? found->pw_name : std::to_string(uid);
}

}  // namespace pingap::control

#include "base/file_state.h"

#include <sys/stat.h>

#include <fmt/format.h>

namespace pingap {

std::string file_state(const std::string& path) {
  struct stat found{};
  if (::stat(path.c_str(), &found) != 0) {
    return "-";
  }
  return fmt::format("{}.{}.{}.{}.{}.{}.{}", found.st_dev, found.st_ino, found.st_size,
                     found.st_mtim.tv_sec, found.st_mtim.tv_nsec, found.st_ctim.tv_sec,
                     found.st_ctim.tv_nsec);
}

}  // namespace pingap

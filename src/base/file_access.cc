#include "base/file_access.h"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace pingap {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxLinks = 40;  // as many as the kernel follows

// With the ids that open() looks at; they are not the real ones while privileges change.
int try_access(const char* path, int mode) noexcept {
  return ::faccessat(AT_FDCWD, path, mode, AT_EACCESS) == 0 ? 0 : errno;
}

int try_existing(const std::string& path, mode_t mode) noexcept {
  if (S_ISDIR(mode)) {
    return EISDIR;
  }
  if (S_ISSOCK(mode)) {
    return ENXIO;
  }
  return try_access(path.c_str(), W_OK);
}

}  // namespace

std::string folder_of(const std::string& path) {
  const fs::path folder = fs::path(path).parent_path();
  return folder.empty() ? "." : folder.native();
}

int try_to_create(const std::string& path) {
  const std::string folder = folder_of(path);
  struct stat info{};
  if (::stat(folder.c_str(), &info) != 0) {
    return errno;
  }
  return S_ISDIR(info.st_mode) ? try_access(folder.c_str(), W_OK | X_OK) : ENOTDIR;
}

int try_to_write(const std::string& path, Symlinks links) {
  fs::path at = path;
  for (int i = 0; i < kMaxLinks; ++i) {
    if (at.filename().empty()) {
      return EISDIR;
    }
    struct stat info{};
    if (::lstat(at.c_str(), &info) != 0) {
      return errno == ENOENT ? try_to_create(at) : errno;
    }
    if (!S_ISLNK(info.st_mode)) {
      return try_existing(at, info.st_mode);
    }
    if (links == Symlinks::refuse) {
      return ELOOP;
    }
    // A link to what is not there yet is followed by open(), too.
    std::error_code error;
    at = at.parent_path() / fs::read_symlink(at, error);
    if (error) {
      return error.value();
    }
  }
  return ELOOP;
}

}  // namespace pingap

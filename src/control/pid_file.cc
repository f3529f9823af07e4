#include "control/pid_file.h"

#include <array>
#include <charconv>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "config/write_file.h"
#include "net/fd.h"

namespace pingap::control {
namespace {

pid_t read_pid(const std::string& path) {
  const net::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  std::array<char, 16> text{};
  const ssize_t size = file ? ::read(file.get(), text.data(), text.size()) : -1;
  pid_t pid = 0;
  std::from_chars(text.data(), text.data() + (size > 0 ? size : 0), pid);
  return pid;
}

}  // namespace

PidFile::~PidFile() {
  // After an upgrade it is the new process's.
  if (written_ && read_pid(path_) == ::getpid()) {
    ::unlink(path_.c_str());
  }
}

bool PidFile::write() {
  if (path_.empty()) {
    return true;
  }
  named_ = read_pid(path_);
  written_ = write(::getpid());
  return written_;
}

void PidFile::give_back(pid_t owner) {
  if (written_ && named_ == owner) {
    written_ = !write(owner);
  }
}

bool PidFile::write(pid_t pid) {
  struct stat status{};
  if (::lstat(path_.c_str(), &status) == 0 && S_ISLNK(status.st_mode)) {
    PINGAP_LOG(error, "pid_file {} is a symbolic link: it is not followed", path_);
    return false;
  }
  constexpr mode_t kMode = S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH;
  const auto done = config::write_file_atomically(path_, fmt::format("{}\n", pid), kMode);
  if (!done) {
    PINGAP_LOG(error, "pid_file: {}", done.error());
  }
  return done.has_value();
}

}  // namespace pingap::control

#include "control/pid_file.h"

#include <array>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
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
  const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
  const net::Fd file(::open(path_.c_str(), flags, S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH));
  const std::string text = fmt::format("{}\n", ::getpid());
  written_ =
      file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (!written_) {
    PINGAP_LOG(error, "pid_file {}: {}", path_, std::strerror(errno));  // NOLINT
  }
  return written_;
}

}  // namespace pingap::control

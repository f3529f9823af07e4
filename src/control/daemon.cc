#include "control/daemon.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "base/log.h"

namespace pingap::control {
namespace {

ExitCode cannot(const char* what) {
  PINGAP_LOG(error, "cannot go into the background: {}: {}", what, std::strerror(errno));  // NOLINT
  return ExitCode::runtime_failure;
}

// In the caller: until the other serves or ends.
ExitCode wait_for(pid_t child, int pipe) {
  char served = 0;
  ssize_t got = 0;
  do {
    got = ::read(pipe, &served, 1);
  } while (got < 0 && errno == EINTR);
  if (got == 1) {
    return ExitCode::ok;
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) {
      return cannot("waitpid");
    }
  }
  return WIFEXITED(status) ? static_cast<ExitCode>(WEXITSTATUS(status)) : ExitCode::runtime_failure;
}

bool is_file(int fd) noexcept {
  struct stat info{};
  return ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

}  // namespace

tl::expected<Daemon, ExitCode> Daemon::detach() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return tl::make_unexpected(cannot("pipe"));
  }
  net::Fd reading(ends[0]);
  net::Fd writing(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) {
    return tl::make_unexpected(cannot("fork"));
  }
  if (child > 0) {
    writing.reset();
    return tl::make_unexpected(wait_for(child, reading.get()));
  }
  ::setsid();  // cannot fail: a child leads no group
  return Daemon(std::move(writing));
}

bool Daemon::keeps_stderr() noexcept {
  return is_file(STDERR_FILENO);
}

void Daemon::ready() noexcept {
  if (!caller_) {
    return;
  }
  const net::Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (null && !is_file(stream)) {
      ::dup2(null.get(), stream);
    }
  }
  const char served = 1;
  // Fails only where the caller has been killed, and then nobody waits.
  [[maybe_unused]] const ssize_t wrote = ::write(caller_.get(), &served, 1);
  caller_.reset();
}

}  // namespace pingap::control

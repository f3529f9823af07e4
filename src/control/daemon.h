// `pingap run --daemon`: the process goes on in the background, and the one that was called ends
// with the exit code of the start, so that a script knows whether it serves. Control thread, before
// there is any other: a thread does not come along into the process that goes on.
#pragma once

#include <tl/expected.hpp>

#include "base/exit_code.h"
#include "net/fd.h"

namespace pingap::control {

class Daemon {
 public:
  // In the process that goes on: a session of its own, without a terminal. In the one that was
  // called, once the other serves or has ended: the exit code to leave with.
  static tl::expected<Daemon, ExitCode> detach();

  // Whether lines written to stderr will be kept: only where it is a file, since nobody reads the
  // terminal or pipe of a caller that is gone.
  static bool keeps_stderr() noexcept;

  // It serves: the caller ends, and this process lets go of its streams, but of files.
  void ready() noexcept;

 private:
  explicit Daemon(net::Fd caller) noexcept : caller_(std::move(caller)) {}

  net::Fd caller_;  // of a pipe: a byte = it serves, its end without one = it has ended
};

}  // namespace pingap::control

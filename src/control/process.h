// The life of a `pingap run`: privileges, listeners, workers, and the end. Control thread.
#pragma once

#include <string>
#include <vector>

#include "base/exit_code.h"
#include "control/side_service.h"

namespace pingap::control {

struct RunOptions {
  std::string config;                  // a file, a folder, "-" or "etcd://..."
  bool auto_reload = false;            // whatever the configuration says
  bool last_good = false;              // a broken one: start with the newest revision that is none
  bool upgrade = false;                // take the sockets of the process that runs
  bool daemon = false;                 // go into the background
  std::string program;                 // the path to start it anew from
  std::vector<std::string> arguments;  // of the command line, for the same
  MakeSideService make_side_service;   // null = there is none
  Build build;
};

// Runs the proxy until it is told to stop; the returned code is the process's.
ExitCode run_proxy(const RunOptions& options);

}  // namespace pingap::control

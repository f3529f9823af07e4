#include "cli/remote.h"

#include <cstdio>

#include <fmt/core.h>

#include "config/loader.h"
#include "control/command_client.h"

namespace pingap::cli {
namespace {

// Also of a configuration with errors: the process says them.
config::Basic basic_of(const std::string& path) {
  config::Diagnostics diagnostics;
  return config::load(config::read_sources(path, diagnostics), diagnostics).basic;
}

// Prints the answer; without one, why.
ExitCode order(const Options& options, const control::Command& command) {
  const std::string socket = control::find_command_socket(basic_of(options.config), options.config);
  if (socket.empty()) {
    fmt::print(stderr, "pingap: no process can be found by {}: {}\n", options.config,
               "it must be a file or folder, and `upgrade_sock` not \"off\"");
    return ExitCode::runtime_failure;
  }
  const auto answer = control::ask(socket, command);
  if (!answer) {
    fmt::print(stderr, "pingap: {}\n", answer.error());
    return ExitCode::runtime_failure;
  }
  fmt::print(answer->code == ExitCode::ok ? stdout : stderr, "{}", answer->text);
  return answer->code;
}

}  // namespace

ExitCode reload(const Options& options) {
  return order(options, {"reload", {{"comment", options.comment}}, {}});
}

}  // namespace pingap::cli

#include "cli/commands.h"

#include <cstdio>

#include <fmt/core.h>

#include "cli/completion.h"
#include "cli/explain.h"
#include "cli/fmt.h"
#include "cli/load.h"
#include "cli/process.h"
#include "cli/version.h"

namespace pingap::cli {
namespace {

ExitCode validate(const Options& options) {
  if (!load_snapshot(options, Check::machine)) {
    return ExitCode::invalid_config;
  }
  fmt::print("{}: configuration is valid\n", options.config);
  return ExitCode::ok;
}

ExitCode print(std::string_view text) {
  fmt::print("{}", text);
  return ExitCode::ok;
}

}  // namespace

ExitCode run_command(const Options& options) {
  switch (options.command) {
    case Command::run:
      return run_proxy(options);
    case Command::validate:
      return validate(options);
    case Command::version:
      return print(version_text(options.format));
    case Command::route_explain:
      return explain_route(options);
    case Command::fmt:
      return format_files(options);
    case Command::completion:
      return print(completion_script(options.shell));
    case Command::demo_backend:
      return run_demo_backend(options);
  }
  return ExitCode::usage;
}

}  // namespace pingap::cli

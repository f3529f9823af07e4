// The program: picks the command. Everything else is in its own file.
#include <cstdio>
#include <cstdlib>
#include <span>

#include <fmt/core.h>

#include "cli/commands.h"
#include "cli/options.h"
#include "control/process.h"

int main(int argc, char** argv) {
  using namespace pingap;  // NOLINT(google-build-using-namespace): main only
  const std::span<const char* const> arguments(argv + 1,
                                               static_cast<size_t>(argc > 0 ? argc - 1 : 0));
  const char* config = std::getenv("PINGAP_CONFIG");  // NOLINT(concurrency-mt-unsafe)
  auto options = cli::parse_options(arguments, config == nullptr ? "" : config);
  if (!options) {
    const cli::Exit& exit = options.error();
    fmt::print(exit.code == ExitCode::ok ? stdout : stderr, "{}", exit.text);
    return static_cast<int>(exit.code);
  }
  options->program = argc > 0 ? argv[0] : "";
  return static_cast<int>(cli::run_command(*options));
}

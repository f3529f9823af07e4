// The program: picks the command. Everything else is in its own file.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <system_error>

#include <fmt/core.h>

#include "cli/commands.h"
#include "cli/options.h"
#include "control/process.h"

namespace {

using pingap::ExitCode;

// A disk that is full must not look like success.
ExitCode failed_to_print(const std::error_code& why) {
  fmt::print(stderr, "pingap: cannot write to stdout: {}\n", why.message());
  return ExitCode::runtime_failure;
}

ExitCode run_and_flush(const pingap::cli::Options& options) {
  try {
    const ExitCode code = pingap::cli::run_command(options);
    return std::fflush(stdout) == 0 ? code : failed_to_print({errno, std::generic_category()});
  } catch (const std::system_error& error) {
    if (std::ferror(stdout) == 0) {
      throw;
    }
    return failed_to_print(error.code());
  }
}

}  // namespace

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
  return static_cast<int>(run_and_flush(*options));
}

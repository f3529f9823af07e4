// What the program tells its caller when it ends. Public: docs/cli.md and --help list them.
#pragma once

#include <cstdint>

namespace pingap {

enum class ExitCode : uint8_t {
  ok = 0,
  runtime_failure = 1,  // started, but could not go on
  usage = 2,            // the command line is wrong
  invalid_config = 3,   // the configuration is wrong; nothing was started
  cannot_bind = 4,      // an address is taken, or a privilege is missing
  conflict = 5,         // somebody else has changed what was to be written
};

}  // namespace pingap

#include "cli/process.h"
namespace pingap::cli { ExitCode run_demo_backend(const Options&) { return ExitCode::ok; } }

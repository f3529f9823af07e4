#include "cli/version.h"

#include <fmt/core.h>

namespace pingap::cli {
namespace {

#if defined(__clang__)
constexpr const char* kCompiler = "clang " __clang_version__;
#else
constexpr const char* kCompiler = "gcc " __VERSION__;
#endif

}  // namespace

std::string version_text(Format format) {
  if (format == Format::json) {
    return fmt::format(R"({{"version":"{}","commit":"{}","compiler":"{}"}})"
                       "\n",
                       PINGAP_VERSION, PINGAP_COMMIT, kCompiler);
  }
  return fmt::format("pingap {} ({})\n", PINGAP_VERSION, PINGAP_COMMIT);
}

std::string_view build_commit() noexcept {
  return PINGAP_COMMIT;
}

}  // namespace pingap::cli

#include "control/program_path.h"

#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

namespace pingap::control {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRunning = "/proc/self/exe";

// As execvp() looks for it.
std::vector<fs::path> candidates(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    return {name};
  }
  std::vector<fs::path> all;
  const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): before any thread
  for (std::string_view rest = path == nullptr ? "" : path; !rest.empty();) {
    const size_t end = rest.find(':');
    all.push_back(fs::path(rest.substr(0, end)) / name);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return all;
}

// Of the file itself; one that has been replaced meanwhile is there under the same name.
std::string running_file() {
  constexpr std::string_view kGone = " (deleted)";
  std::error_code error;
  std::string path = fs::read_symlink(kRunning, error);
  if (path.ends_with(kGone)) {
    path.resize(path.size() - kGone.size());
  }
  return path;
}

}  // namespace

std::string program_path(const std::string& started_as) {
  std::error_code error;
  for (const fs::path& candidate : candidates(started_as)) {
    // Whoever starts a program may give it any name.
    if (fs::equivalent(candidate, kRunning, error)) {
      return fs::absolute(candidate, error);
    }
  }
  return running_file();
}

}  // namespace pingap::control

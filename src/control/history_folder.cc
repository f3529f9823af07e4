#include "control/history_folder.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <unistd.h>

#include <fmt/format.h>

#include "base/hash.h"
#include "config/etcd_url.h"

namespace pingap::control {
namespace {

constexpr std::string_view kSystemFolder = "/var/lib/pingap";

std::string_view absolute_in(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody writes it
  return value != nullptr && *value == '/' ? value : "";
}

// The path is for people, the hash tells it from others.
std::string name_of(const std::string& url) {
  const std::string shown = config::shown_url(url);
  std::string path =
      shown.substr(std::min(shown.find('/', config::kEtcdScheme.size()), shown.size()));
  std::ranges::replace_if(
      path,
      [](char c) {
        return !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9');
      },
      '-');
  constexpr size_t kLongest = 100;
  return fmt::format("etcd{}-{:016x}-history", path.substr(0, kLongest), hash64(shown));
}

std::string state_folder() {
  const std::string_view home = absolute_in("HOME");
  const std::string_view state = absolute_in("XDG_STATE_HOME");
  if (!state.empty()) {
    return fmt::format("{}/pingap", state);
  }
  return home.empty() ? std::string() : fmt::format("{}/.local/state/pingap", home);
}

}  // namespace

std::string history_folder_of(const std::string& config) {
  if (config == "-") {
    return {};
  }
  if (!config::is_etcd_url(config)) {
    const size_t last = config.find_last_not_of('/');
    return config.substr(0, last == std::string::npos ? 1 : last + 1) + "-history";
  }
  const std::string name = name_of(config);
  const std::string_view service = absolute_in("STATE_DIRECTORY");
  if (!service.empty()) {
    return fmt::format("{}/{}", service.substr(0, service.find(':')), name);
  }
  std::string of_system = fmt::format("{}/{}", kSystemFolder, name);
  if (::geteuid() == 0 || ::access(of_system.c_str(), R_OK | X_OK) == 0) {
    return of_system;
  }
  const std::string folder = state_folder();
  return folder.empty() ? folder : fmt::format("{}/{}", folder, name);
}

}  // namespace pingap::control

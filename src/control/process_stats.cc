#include "control/process_stats.h"

#include <dirent.h>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

namespace pingap::control {
namespace {

std::string read(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// proc(5): the fields behind the name, of which [0] is the third.
std::vector<uint64_t> stat_fields() {
  const std::string text = read("/proc/self/stat");
  std::istringstream in(text.substr(std::min(text.size(), text.rfind(')') + 2)));
  std::string state;
  in >> state;
  std::vector<uint64_t> fields{0};
  for (int64_t value = 0; in >> value;) {
    fields.push_back(static_cast<uint64_t>(value));
  }
  return fields;
}

double boot_time() {
  const std::string text = read("/proc/stat");
  const size_t at = text.find("\nbtime ");
  return at == std::string::npos ? 0 : static_cast<double>(std::stoull(text.substr(at + 7)));
}

uint64_t count_descriptors() {
  DIR* folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) {
    return 0;
  }
  uint64_t count = 0;
  while (::readdir(folder) != nullptr) {  // NOLINT(concurrency-mt-unsafe): a stream of our own
    ++count;
  }
  ::closedir(folder);
  return count > 3 ? count - 3 : 0;  // ".", "..", and the folder itself
}

}  // namespace

ProcessStats read_process_stats() {
  ProcessStats stats;
  const std::vector<uint64_t> fields = stat_fields();
  const auto field = [&](size_t number) {  // as proc(5) counts them
    return number - 3 < fields.size() ? fields[number - 3] : 0;
  };
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  stats.cpu_seconds = static_cast<double>(field(14) + field(15)) / ticks;
  stats.threads = field(20);
  static const double booted = boot_time();
  stats.started = booted + static_cast<double>(field(22)) / ticks;
  stats.virtual_bytes = field(23);
  stats.resident_bytes = field(24) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  stats.open_fds = count_descriptors();
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  stats.max_fds = limit.rlim_cur;
  return stats;
}

}  // namespace pingap::control

#include "base/log.h"

#include <array>
#include <chrono>
#include <ctime>
#include <string>
#include <unistd.h>

#include "base/strings.h"

namespace pingap {
namespace {

constexpr std::array<std::string_view, 6> kNames = {"trace", "debug", "info",
                                                    "warn",  "error", "off"};

void append_time(std::string& line) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const std::time_t seconds = ms / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  // fmt::format, not format_to: clang-19 and the packaged libfmt spell the symbol of the latter
  // differently.
  line += fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                      utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, ms % 1000);
}

}  // namespace

std::optional<LogLevel> parse_log_level(std::string_view name) noexcept {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (iequals(name, kNames[i])) {
      return static_cast<LogLevel>(i);
    }
  }
  return std::nullopt;
}

namespace log {

std::atomic<LogLevel> g_level{LogLevel::info};

void write(LogLevel level, std::string_view message) noexcept {
  try {
    std::string line;
    line.reserve(message.size() + 48);
    append_time(line);
    line += ' ';
    line += kNames[static_cast<size_t>(level)];
    line += ' ';
    for (const char c : message) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 0x20 || byte == 0x7f) {
        line += fmt::format("\\x{:02x}", byte);
      } else {
        line += c;
      }
    }
    line += '\n';
    // One write per line: lines of several threads do not mix.
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
  } catch (...) {
    // Out of memory while logging: the event is lost, the process goes on.
    return;
  }
}

}  // namespace log
}  // namespace pingap

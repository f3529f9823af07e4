// The application log: one line per event to stderr (errors, warnings, life of the process).
// Any thread. Never per request above debug, never a secret. Access lines go another way
// (exchange/access_log).
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

#include <fmt/core.h>

namespace pingap {

enum class LogLevel : uint8_t { trace, debug, info, warn, error, off };

std::optional<LogLevel> parse_log_level(std::string_view name) noexcept;

namespace log {

extern std::atomic<LogLevel> g_level;  // written by the control thread

inline bool enabled(LogLevel level) noexcept {
  return level >= g_level.load(std::memory_order_relaxed);
}

// Writes one line with time and level; control bytes in `message` are escaped.
void write(LogLevel level, std::string_view message) noexcept;

}  // namespace log
}  // namespace pingap

// The arguments are evaluated only when the level is on.
#define PINGAP_LOG(level, ...)                                                     \
  do {                                                                             \
    if (::pingap::log::enabled(::pingap::LogLevel::level)) {                       \
      ::pingap::log::write(::pingap::LogLevel::level, ::fmt::format(__VA_ARGS__)); \
    }                                                                              \
  } while (false)

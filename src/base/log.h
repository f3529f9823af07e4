// The application log: one line per event (errors, warnings, life of the process), as text or as
// JSON. Any thread. Never per request above debug, never a secret. Access lines go another way
// (exchange/access_log).
//
// A component is the folder of src/ that the line comes from; each has a level of its own. A line
// that repeats itself is held back and counted (base/log_repeat.h). To stderr a line is written by
// the thread that has it, unless the reader of a pipe stalls: then it is dropped and counted.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include <fmt/core.h>

#include "base/clock.h"

namespace pingap {

enum class LogLevel : uint8_t { trace, debug, info, warn, error, off };

std::optional<LogLevel> parse_log_level(std::string_view name) noexcept;
std::string_view to_string(LogLevel level) noexcept;

namespace log {

// Folders of src/, and `other` for what is elsewhere.
inline constexpr std::array<std::string_view, 18> kComponents = {
    "base",     "net",    "http",  "config", "observe", "tls",     "session", "route", "exchange",
    "upstream", "plugin", "proxy", "demo",   "remote",  "control", "admin",   "cli",   "other"};

using Component = uint8_t;  // place in kComponents

// Of a source file, by its path.
constexpr Component component_of(std::string_view file) noexcept {
  constexpr std::string_view kRoot = "src/";
  const size_t root = file.rfind(kRoot);
  const std::string_view rest =
      root == std::string_view::npos ? std::string_view{} : file.substr(root + kRoot.size());
  const std::string_view folder = rest.substr(0, rest.find('/'));
  for (size_t i = 0; i < kComponents.size(); ++i) {
    if (kComponents[i] == folder) {
      return static_cast<Component>(i);
    }
  }
  return static_cast<Component>(kComponents.size() - 1);
}

// By name; nothing where there is none.
std::optional<Component> find_component(std::string_view name) noexcept;

using Levels = std::array<LogLevel, kComponents.size()>;

// All of one level.
constexpr Levels all_of(LogLevel level) noexcept {
  Levels levels{};
  levels.fill(level);
  return levels;
}

// By component. The control thread writes.
extern std::array<std::atomic<LogLevel>, kComponents.size()> g_levels;

Levels levels() noexcept;
void set_levels(const Levels& levels) noexcept;

inline bool enabled(LogLevel level, Component component) noexcept {
  return level >= g_levels[component].load(std::memory_order_relaxed);
}

struct Record {
  LogLevel level;
  Component component;
  WallTime time;
  std::string_view message;
  std::string_view request_id;  // empty: of no request
};

// auto: text for a terminal, else JSON.
enum class Format : uint8_t { text, json, automatic };

// "[REQUEST ID] MESSAGE"; what would end the line or steer a terminal is escaped.
void append_message(const Record& record, std::string& line);
// Both append one line with its end, escaped the same way.
void append_text(const Record& record, std::string& line);
void append_json(const Record& record, std::string& line);

// Where lines go instead of stderr. Any thread calls it, one at a time.
class Output {
 public:
  Output() = default;
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  virtual ~Output() = default;

  // `line` is the record as text or JSON. False: it could not be taken, and stderr gets it.
  virtual bool take(const Record& record, std::string_view line) noexcept = 0;
};

// null = stderr. The one before is not called any more when this returns.
void set_output(Output* output, Format format) noexcept;

// Lines that nobody took, since the start.
uint64_t dropped() noexcept;

// Writes one line. `place` tells where in the source it is, `request_id` may be empty.
void write(LogLevel level, Component component, const void* place, std::string_view request_id,
           std::string_view message) noexcept;

}  // namespace log
}  // namespace pingap

// The arguments are evaluated only when the level is on. Of a request: with its id.
#define PINGAP_LOG_OF(id, level, ...)                                                        \
  do {                                                                                       \
    constexpr auto pingap_component =                                                        \
        std::integral_constant<::pingap::log::Component,                                     \
                               ::pingap::log::component_of(__FILE__)>::value;                \
    if (::pingap::log::enabled(::pingap::LogLevel::level, pingap_component)) {               \
      static constexpr char kPingapPlace = 0;                                                \
      ::pingap::log::write(::pingap::LogLevel::level, pingap_component, &kPingapPlace, (id), \
                           ::fmt::format(__VA_ARGS__));                                      \
    }                                                                                        \
  } while (false)

#define PINGAP_LOG(level, ...) PINGAP_LOG_OF(::std::string_view{}, level, __VA_ARGS__)

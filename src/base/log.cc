#include "base/log.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <mutex>
#include <poll.h>
#include <string>
#include <unistd.h>

#include "base/log_escape.h"
#include "base/log_repeat.h"
#include "base/strings.h"

namespace pingap {
namespace {

constexpr std::array<std::string_view, 6> kNames = {"trace", "debug", "info",
                                                    "warn",  "error", "off"};

// Longer messages are cut: nothing that we say is so long, but what it quotes may be. A line is to
// fit into a pipe that says it is writable (PIPE_BUF).
constexpr size_t kMaxMessage = 3000;

void append_time(WallTime time, std::string& line) {
  const auto ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  const std::time_t seconds = ms / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  // fmt::format, not format_to: clang-19 and the packaged libfmt spell the symbol of the latter
  // differently.
  line += fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                      utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, ms % 1000);
}

// A control byte as \xNN; quotes and backslashes stay, since the message is the end of the line.
void append_escaped(std::string_view message, std::string& line) {
  message = message.substr(0, kMaxMessage);
  for (size_t at = 0; at < message.size();) {
    const size_t stop =
        std::min(message.find_first_of(std::string_view("\"\\"), at), message.size());
    // Every byte becomes at most four.
    const size_t before = line.size();
    line.resize(before + 4 * (stop - at));
    bool cut = false;
    const char* end = escape_text(message.substr(at, stop - at), line.data() + before,
                                  line.data() + line.size(), cut);
    line.resize(static_cast<size_t>(end - line.data()));
    if (stop < message.size()) {
      line += message[stop];
    }
    at = stop + 1;
  }
}

void append_json_text(std::string_view key, std::string_view value, std::string& line) {
  value = value.substr(0, kMaxMessage);
  line.append(",\"").append(key).append("\":\"");
  const size_t before = line.size();
  line.resize(before + 6 * value.size());
  bool cut = false;
  const char* end = escape_json(value, line.data() + before, line.data() + line.size(), cut);
  line.resize(static_cast<size_t>(end - line.data()));
  line += '"';
}

// What is shared by those who write. Its destructor does nothing: threads may log until the process
// ends.
struct Shared {
  std::mutex mutex;
  // Guarded by mutex:
  log::Output* output = nullptr;
  log::Format format = log::Format::text;
  log::Repeats repeats;
  TimePoint next_look{};
  uint64_t said_dropped = 0;
  std::atomic<uint64_t> dropped{0};
};

constinit Shared g_shared;
static_assert(std::is_trivially_destructible_v<Shared>);

Shared& shared() noexcept {
  return g_shared;
}

// A pipe that is writable takes PIPE_BUF bytes at once; a longer line may wait for its reader.
bool write_to_stderr(std::string_view line) noexcept {
  pollfd room{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&room, 1, 0) == 0) {
    return false;
  }
  // One write per line: lines of several threads do not mix.
  return ::write(STDERR_FILENO, line.data(), line.size()) > 0;
}

void put(Shared& to, const log::Record& record) {
  std::string line;
  line.reserve(record.message.size() + 96);
  if (to.format == log::Format::json) {
    append_json(record, line);
  } else {
    append_text(record, line);
  }
  if (to.output != nullptr && to.output->take(record, line)) {
    return;
  }
  if (!write_to_stderr(line)) {
    to.dropped.fetch_add(1, std::memory_order_relaxed);
  }
}

// What was lost or held back, once in a while.
void say_missing(Shared& to, TimePoint now, WallTime time, log::Component component) {
  if (now < to.next_look) {
    return;
  }
  to.next_look = now + log::Repeats::kWindow;
  if (const uint64_t held = to.repeats.take_over(now); held > 0) {
    put(to, {LogLevel::info,
             component,
             time,
             fmt::format("{} lines that repeat others were held back", held),
             {}});
  }
  const uint64_t dropped = to.dropped.load(std::memory_order_relaxed);
  if (dropped > to.said_dropped) {
    const std::string message =
        fmt::format("{} lines of this log were lost: nobody took them", dropped - to.said_dropped);
    to.said_dropped = dropped;
    put(to, {LogLevel::warn, component, time, message, {}});
  }
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

std::string_view to_string(LogLevel level) noexcept {
  return kNames[static_cast<size_t>(level)];
}

namespace log {

namespace {

template <size_t... I>
constexpr std::array<std::atomic<LogLevel>, sizeof...(I)> at_info(
    std::index_sequence<I...> /*all*/) {
  return {((void)I, LogLevel::info)...};
}

}  // namespace

constinit std::array<std::atomic<LogLevel>, kComponents.size()> g_levels =
    at_info(std::make_index_sequence<kComponents.size()>{});

std::optional<Component> find_component(std::string_view name) noexcept {
  const auto* found = std::find(kComponents.begin(), kComponents.end(), name);
  return found == kComponents.end()
             ? std::nullopt
             : std::optional(static_cast<Component>(found - kComponents.begin()));
}

Levels levels() noexcept {
  Levels now{};
  for (size_t i = 0; i < now.size(); ++i) {
    now[i] = g_levels[i].load(std::memory_order_relaxed);
  }
  return now;
}

void set_levels(const Levels& levels) noexcept {
  for (size_t i = 0; i < levels.size(); ++i) {
    g_levels[i].store(levels[i], std::memory_order_relaxed);
  }
}

void append_text(const Record& record, std::string& line) {
  append_time(record.time, line);
  line.append(" ").append(to_string(record.level)).append(" ");
  append_message(record, line);
  line += '\n';
}

void append_message(const Record& record, std::string& line) {
  if (!record.request_id.empty()) {
    line += "[";
    append_escaped(record.request_id, line);
    line += "] ";
  }
  append_escaped(record.message, line);
}

void append_json(const Record& record, std::string& line) {
  line += "{\"time\":\"";
  append_time(record.time, line);
  line.append("\",\"level\":\"").append(to_string(record.level)).append("\"");
  append_json_text("component", kComponents[record.component], line);
  if (!record.request_id.empty()) {
    append_json_text("request_id", record.request_id, line);
  }
  append_json_text("message", record.message, line);
  line += "}\n";
}

void set_output(Output* output, Format format) noexcept {
  Shared& all = shared();
  const std::lock_guard lock(all.mutex);
  all.output = output;
  all.format = format != Format::automatic                         ? format
               : ::isatty(STDERR_FILENO) == 1 && output == nullptr ? Format::text
                                                                   : Format::json;
}

uint64_t dropped() noexcept {
  return shared().dropped.load(std::memory_order_relaxed);
}

void write(LogLevel level, Component component, const void* place, std::string_view request_id,
           std::string_view message) noexcept {
  try {
    Shared& all = shared();
    const TimePoint now = steady_now();
    const WallTime time = wall_now();
    const std::lock_guard lock(all.mutex);
    uint64_t held = 0;
    // Below info somebody is looking for a fault, and wants to see all of it. What info says is an
    // event of its own each time, such as a reload.
    if (level >= LogLevel::info &&
        !all.repeats.pass(place, level > LogLevel::info ? message : "", now, held)) {
      return;
    }
    if (held > 0) {
      put(all, {level, component, time,
                fmt::format("{} (and {} more like this, held back)", message, held), request_id});
    } else {
      put(all, {level, component, time, message, request_id});
    }
    say_missing(all, now, time, component);
  } catch (...) {
    // Out of memory while logging: the event is lost, the process goes on.
    return;
  }
}

}  // namespace log
}  // namespace pingap

// [basic]: the process.
#include <array>

#include "config/schema.h"
#include "config/suggest.h"
#include "config/syntax.h"

namespace pingap::config {
namespace {

constexpr int64_t kMaxThreads = 1024;

// In the order of LogLevel.
constexpr std::array<std::string_view, 6> kLogLevels = {"trace", "debug", "info",
                                                        "warn",  "error", "off"};

void read_name(Reader& reader, const Field& field, Basic& out) {
  std::string name;
  if (!reader.text(field, name)) {
    return;
  }
  // It stands in the Via header, whose grammar wants a token.
  if (!is_token(name)) {
    reader.error(field.value.at,
                 {quote(name) + " cannot be a name", "letters, digits and !#$%&'*+-.^_`|~", {}});
    return;
  }
  out.name = std::move(name);
}

void read_threads(Reader& reader, const Field& field, Basic& out) {
  reader.integer(field, {0, kMaxThreads}, out.threads);
}

void read_grace_period(Reader& reader, const Field& field, Basic& out) {
  reader.duration(field, Zero::allowed, out.grace_period);
}

void read_pid_file(Reader& reader, const Field& field, Basic& out) {
  reader.text(field, out.pid_file);
}

void read_user(Reader& reader, const Field& field, Basic& out) {
  reader.text(field, out.user);
}

void read_group(Reader& reader, const Field& field, Basic& out) {
  reader.text(field, out.group);
}

void read_error_template(Reader& reader, const Field& field, Basic& out) {
  reader.text(field, out.error_template);
}

void read_log_level(Reader& reader, const Field& field, Basic& out) {
  if (const auto level = reader.choice(field, kLogLevels)) {
    out.log_level = static_cast<LogLevel>(*level);
  }
}

void read_upgrade_sock(Reader& reader, const Field& field, Basic& out) {
  reader.text(field, out.upgrade_sock);
}

void read_auto_reload(Reader& reader, const Field& field, Basic& out) {
  reader.boolean(field, out.auto_reload);
}

void read_history(Reader& reader, const Field& field, Basic& out) {
  reader.integer(field, {0, 100'000}, out.history);
}

void read_guard_window(Reader& reader, const Field& field, Basic& out) {
  reader.duration(field, Zero::allowed, out.guard_window);
}

void read_guard_max_errors(Reader& reader, const Field& field, Basic& out) {
  reader.integer(field, {0, 100}, out.guard_max_errors);
}

void read_buffer_budget(Reader& reader, const Field& field, Basic& out) {
  reader.size(field, out.buffer_budget);
}

constexpr std::array<Key<Basic>, 14> kKeys = {{
    {{"name", "", "string", "\"pingap\""}, read_name},
    {{"threads", "", "integer", "0"}, read_threads},
    {{"grace_period", "", "duration", "\"30s\""}, read_grace_period},
    {{"pid_file", "", "path", "\"\""}, read_pid_file},
    {{"upgrade_sock", "", "path", "\"\""}, read_upgrade_sock},
    {{"auto_reload", "", "boolean", "false"}, read_auto_reload},
    {{"history", "", "integer", "100"}, read_history},
    {{"guard_window", "", "duration", "\"0s\""}, read_guard_window},
    {{"guard_max_errors", "", "percent", "10"}, read_guard_max_errors},
    {{"user", "", "string", "\"\""}, read_user},
    {{"group", "", "string", "\"\""}, read_group},
    {{"error_template", "", "path", "\"\""}, read_error_template},
    {{"log_level", "", "level", "\"info\""}, read_log_level},
    {{"buffer_budget", "", "size", "\"64MiB\""}, read_buffer_budget},
}};

constexpr std::array<Foreign, 19> kForeign = {{
    {"error_log", "use output in [logging]"},
    {"webhook", ""},
    {"webhook_type", ""},
    {"webhook_notifications", ""},
    {"log_buffered_size", ""},
    {"log_format_json", "use format in [logging]"},
    {"sentry", ""},
    {"pyroscope", ""},
    {"auto_restart_check_interval", ""},
    {"log_compress_algorithm", "use rotate_compress in [logging]: it is gzip"},
    {"log_compress_level", "use rotate_compress in [logging]"},
    {"log_compress_days_ago", "use rotate_compress in [logging]"},
    {"log_compress_time_point_hour", "use rotate_compress in [logging]"},
    {"graceful_shutdown_timeout", "use grace_period: it covers the whole shutdown"},
    {"upstream_keepalive_pool_size", "it is keepalive_pool_size in [upstreams.NAME]"},
    {"trusted_proxies", "it belongs into [servers.NAME]"},
    {"access_log", "it belongs into [servers.NAME]"},
    {"work_stealing", "remove it: connections stay on the thread that accepted them"},
    {"listener_tasks_per_fd", "remove it: every thread has a socket of its own"},
}};

}  // namespace

const Schema<Basic> kBasicSchema{kKeys, kForeign};

}  // namespace pingap::config

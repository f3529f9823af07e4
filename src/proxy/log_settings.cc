#include "proxy/log_settings.h"

#include <fmt/format.h>

#include "config/suggest.h"

namespace pingap::proxy {

LogSettings build_log_settings(const config::Model& model, config::Diagnostics& diagnostics) {
  const config::Logging& from = model.logging;
  LogSettings to;
  to.levels = log::all_of(model.basic.log_level);
  for (const auto& [component, level] : from.levels) {
    to.levels[component] = level;
  }
  to.format = from.format;
  to.target_at = from.output.at;
  if (auto target = observe::parse_log_target(from.output.value)) {
    to.target = std::move(*target);
  } else {
    diagnostics.error(from.output.at,
                      fmt::format("{} is no target of a log", config::quote(from.output.value)),
                      target.error());
  }
  if (!from.facility.value.empty()) {
    to.facility = observe::find_syslog_facility(from.facility.value);
    if (to.facility < 0) {
      diagnostics.error(
          from.facility.at,
          fmt::format("{} is no facility of syslog", config::quote(from.facility.value)),
          "such as `daemon`, `user` or `local0` to `local7`");
      to.facility = 3;
    }
  }
  to.rotation = {
      from.rotate_size, static_cast<observe::RotateEvery>(from.rotate_every), from.rotate_keep,
      std::chrono::duration_cast<std::chrono::seconds>(from.rotate_max_age), from.rotate_compress};
  return to;
}

}  // namespace pingap::proxy

// [logging] as the running process uses it. Control thread.
#pragma once

#include "base/log.h"
#include "config/diagnostics.h"
#include "config/model.h"
#include "observe/log_output.h"
#include "observe/log_rotation.h"

namespace pingap::proxy {

struct LogSettings {
  log::Levels levels = log::all_of(LogLevel::info);
  log::Format format = log::Format::text;
  observe::LogTarget target;
  config::Position target_at;
  int facility = 3;  // of syslog: daemon
  observe::RotationPolicy rotation;
};

LogSettings build_log_settings(const config::Model& model, config::Diagnostics& diagnostics);

}  // namespace pingap::proxy

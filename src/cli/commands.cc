#include "cli/commands.h"

#include <cstdio>

#include <fmt/core.h>

#include "admin/metrics_service.h"
#include "cli/completion.h"
#include "cli/demo_backend.h"
#include "cli/explain.h"
#include "cli/fmt.h"
#include "cli/history.h"
#include "cli/plugins.h"
#include "cli/profile.h"
#include "cli/remote.h"
#include "cli/sync.h"
#include "cli/top.h"
#include "cli/version.h"
#include "config/etcd_url.h"
#include "control/load.h"
#include "control/process.h"
#include "control/program_path.h"

namespace pingap::cli {
namespace {

ExitCode validate(const Options& options) {
  const auto loaded = control::load(
      options.config, options.strict ? control::Check::strict : control::Check::machine);
  fmt::print(stderr, "{}", loaded ? loaded->warnings : loaded.error().report);
  if (!loaded || (options.strict && !loaded->warnings.empty())) {
    return ExitCode::invalid_config;
  }
  fmt::print("{}: configuration is valid\n", config::shown_url(options.config));
  return ExitCode::ok;
}

ExitCode run(const Options& options) {
  const auto make = [](net::EventLoop& loop) -> std::unique_ptr<control::SideService> {
    return std::make_unique<admin::MetricsService>(loop);
  };
  return control::run_proxy({options.config,
                             options.auto_reload,
                             options.last_good,
                             options.upgrade,
                             options.daemon,
                             control::program_path(options.program),
                             options.arguments,
                             make,
                             {PINGAP_VERSION, std::string(build_commit())}});
}

ExitCode print(std::string_view text) {
  fmt::print("{}", text);
  return ExitCode::ok;
}

}  // namespace

ExitCode run_command(const Options& options) {
  switch (options.command) {
    case Command::run:
      return run(options);
    case Command::validate:
      return validate(options);
    case Command::reload:
      return reload(options);
    case Command::status:
      return show_status(options);
    case Command::upgrade:
      return upgrade(options);
    case Command::log:
      return change_log(options);
    case Command::upstream:
      return order_upstream(options);
    case Command::top:
      return show_top(options);
    case Command::trace:
      return trace_requests(options);
    case Command::profile:
      return profile_process(options);
    case Command::diff:
      return show_difference(options);
    case Command::history:
      return show_history(options);
    case Command::show:
      return show_revision(options);
    case Command::rollback:
      return roll_back(options);
    case Command::config_sync:
      return sync_config(options);
    case Command::version:
      return print(version_text(options.format));
    case Command::route_explain:
      return explain_route(options);
    case Command::plugin_list:
      return print(plugin_list(options.format));
    case Command::plugin_show:
      return show_plugin(options);
    case Command::fmt:
      return format_files(options);
    case Command::completion:
      return print(completion_script(options.shell));
    case Command::demo_backend:
      return run_demo_backend(options);
  }
  return ExitCode::usage;
}

}  // namespace pingap::cli

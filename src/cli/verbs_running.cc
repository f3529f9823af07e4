// Verbs of the process that runs: change it, and look at what it does.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "cli/help.h"
#include "cli/verbs.h"
#include "config/suggest.h"

namespace pingap::cli {
namespace {

constexpr std::array<std::string_view, 4> kSorts = {"requests", "errors", "p99", "name"};

std::optional<Exit> finish_top(Given& given) {
  if (given.sort.empty()) {
    return std::nullopt;
  }
  const auto found = std::ranges::find(kSorts, given.sort);
  if (found == kSorts.end()) {
    return usage("no sorting by " + config::quote(given.sort), "requests, errors, p99 or name");
  }
  given.options.sort = static_cast<TopSort>(found - kSorts.begin());
  return std::nullopt;
}

std::optional<Exit> finish_trace(Given& given) {
  const Options& options = given.options;
  const bool whom = !options.client.empty() || !options.path.empty();
  const bool how = !options.lasts.empty() || !options.most.empty();
  if (how && !whom) {
    return usage("trace what?", "--client ADDR or --path PATH; `--path /` is everything");
  }
  if (options.off && (whom || how)) {
    return usage("--off goes alone");
  }
  return std::nullopt;
}

std::optional<Exit> finish_upstream(Given& given) {
  const std::vector<std::string>& words = given.options.sides;
  const bool weighs = words.size() == 5 && words[3] == "weight";
  if (words.empty() || (words[0] == "set" && (words.size() == 4 || weighs))) {
    return std::nullopt;
  }
  return usage("what is to be done with which server?",
               "nothing, to list them, or `set UPSTREAM SERVER` with enable, drain, disable or "
               "`weight N`");
}

void add_reload(CLI::App& app, Verbs& verbs) {
  CLI::App& reload =
      verbs.add(app, Command::reload, "reload",
                "Make the running process use its configuration as it is now, and wait for it");
  reload.footer(kReloadFooter);
  verbs.add_config(reload);
  reload.add_option("--comment", verbs.given.options.comment, "Why, for the history")
      ->type_name("TEXT");
}

void add_upgrade(CLI::App& app, Verbs& verbs) {
  CLI::App& upgrade =
      verbs.add(app, Command::upgrade, "upgrade",
                "Start the program anew, which takes the place of the running process");
  upgrade.footer(kUpgradeFooter);
  verbs.add_config(upgrade);
}

void add_log(CLI::App& app, Verbs& verbs) {
  CLI::App& log =
      verbs.add(app, Command::log, "log", "Show or change the levels of the application log");
  log.footer(kLogFooter);
  log.add_option("levels", verbs.given.options.sides,
                 "LEVEL, COMPONENT=LEVEL or reset; none: only show")
      ->type_name("LEVEL");
  verbs.add_config(log);
}

void add_upstream(CLI::App& app, Verbs& verbs) {
  CLI::App& upstream =
      verbs.add(app, Command::upstream, "upstream",
                "List the servers of upstreams, or tell one what to do", finish_upstream);
  upstream.footer(kUpstreamFooter);
  upstream
      .add_option("order", verbs.given.options.sides,
                  "set UPSTREAM SERVER enable|drain|disable|weight N; none: only list")
      ->type_name("ORDER");
  verbs.add_config(upstream);
}

void add_status(CLI::App& app, Verbs& verbs) {
  CLI::App& status =
      verbs.add(app, Command::status, "status", "How the running process is, and what is degraded");
  status.footer(kStatusFooter);
  verbs.add_config(status);
  verbs.add_json(status);
  status
      .add_option("--requests", verbs.given.options.most,
                  "With the N oldest requests under way; at most 1000, as JSON usually 100")
      ->type_name("N");
}

void add_top(CLI::App& app, Verbs& verbs) {
  Options& options = verbs.given.options;
  CLI::App& top =
      verbs.add(app, Command::top, "top",
                "What the running process does: rates, times, errors, live", finish_top);
  top.footer(kTopFooter);
  verbs.add_config(top);
  top.add_flag("--once", options.once, "Print it once, as where there is no terminal");
  verbs.add_json(top, "Print it once, as JSON");
  top.add_option("--interval", options.interval, "Seconds that the rates are over; 1")
      ->check(CLI::Range(0.1, 3600.0))
      ->type_name("SECONDS");
  top.add_option("--sort", verbs.given.sort, "By `requests`, `errors`, `p99` or `name`")
      ->type_name("KEY");
}

void add_trace(CLI::App& app, Verbs& verbs) {
  Options& options = verbs.given.options;
  CLI::App& trace = verbs.add(app, Command::trace, "trace",
                              "Write the requests of a client or path to the log", finish_trace);
  trace.footer(kTraceFooter);
  verbs.add_config(trace);
  trace.add_option("--client", options.client, "Of this address or network")->type_name("ADDR");
  trace.add_option("--path", options.path, "Whose path begins so")->type_name("PATH");
  trace.add_option("--for", options.lasts, "How long; 30s, at most 1h")->type_name("TIME");
  trace.add_option("--most", options.most, "How many; 100, at most 10000")->type_name("N");
  trace.add_flag("--off", options.off, "No more from now on");
}

void add_profile(CLI::App& app, Verbs& verbs) {
  CLI::App& profile = verbs.add(app, Command::profile, "profile",
                                "What the threads of the running process work on");
  profile.footer(kProfileFooter);
  verbs.add_config(profile);
  profile.add_option("--seconds", verbs.given.options.seconds, "How long; 10, at most 60")
      ->check(CLI::Range(1, 60))
      ->type_name("N");
}

}  // namespace

void add_verbs_of_running(CLI::App& app, Verbs& verbs) {
  add_reload(app, verbs);
  add_upgrade(app, verbs);
  add_status(app, verbs);
  add_log(app, verbs);
  add_upstream(app, verbs);
  add_top(app, verbs);
  add_trace(app, verbs);
  add_profile(app, verbs);
}

}  // namespace pingap::cli

// The only file that sees CLI11, whose header takes twelve seconds to compile.
#include "cli/options.h"

#include <algorithm>
#include <array>
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/strings.h"
#include "cli/help.h"
#include "config/address.h"
#include "config/suggest.h"
#include "config/syntax.h"

namespace pingap::cli {
namespace {

constexpr std::array<std::string_view, 2> kLayouts = {"file", "items"};
constexpr std::array<std::string_view, 4> kSorts = {"requests", "errors", "p99", "name"};
constexpr std::array<std::string_view, 3> kShells = {"bash", "zsh", "fish"};

// Everything that can stand after `pingap`, for "did you mean".
constexpr auto kWords = std::to_array<std::string_view>(
    {"--strict",    "run",        "validate",     "reload",   "upgrade",   "diff",
     "history",     "show",       "rollback",     "fmt",      "version",   "route",
     "explain",     "completion", "demo-backend", "--config", "--help",    "--version",
     "--json",      "--header",   "--listen",     "--name",   "--test",    "--autoreload",
     "--last-good", "--upgrade",  "--comment",    "--check",  "config",    "push",
     "pull",        "sync",       "--dry-run",    "--force",  "--layout",  "--text-only",
     "-config",     "plugin",     "list",         "log",      "--daemon",  "top",
     "--once",      "--interval", "--sort",       "trace",    "--client",  "--path",
     "--for",       "--most",     "--off",        "profile",  "--seconds", "status"});

tl::unexpected<Exit> usage(std::string_view what, std::string_view hint = {}) {
  return tl::make_unexpected(Exit{
      ExitCode::usage,
      fmt::format("pingap: {}{}{}\nTry `pingap --help`.\n", what, hint.empty() ? "" : "; ", hint)});
}

class CommandLine {
 public:
  CommandLine() : app_(kAbout, "pingap") {
    app_.footer(kFooter);
    app_.set_help_flag("-h,--help", "Print this help and exit");
    app_.set_version_flag("-V,--version", version(), "Print the version and exit");
    app_.require_subcommand(0, 1);
    app_.get_formatter()->column_width(34);
    add_config(app_);
    app_.add_flag("-t,--test", test_, "Only check the configuration, like `validate`");
    add_commands();
  }

  tl::expected<Options, Exit> parse(std::vector<std::string> arguments) {
    std::ranges::reverse(arguments);  // CLI11 takes them from the back
    const std::vector<std::string> given = arguments;
    try {
      app_.parse(std::move(arguments));
    } catch (const CLI::CallForHelp&) {
      return tl::make_unexpected(Exit{ExitCode::ok, app_.help()});
    } catch (const CLI::CallForVersion&) {
      return tl::make_unexpected(Exit{ExitCode::ok, version_text(Format::text)});
    } catch (const CLI::ExtrasError& error) {
      return usage(error.what(), hint_for(given));
    } catch (const CLI::ParseError& error) {
      return usage(error.what());
    }
    return finish();
  }

 private:
  static std::string version() { return version_text(Format::text); }

  void add_config(CLI::App& app) {
    app.add_option("-c,--config", options_.config,
                   "Configuration: a TOML file, a folder of them, - for stdin, or etcd://...")
        ->type_name("FILE");
  }

  void add_commands() {
    run_ = app_.add_subcommand(
        "run", "Start the proxy, in the foreground unless told otherwise (the default)");
    add_config(*run_);
    run_->add_flag("-t,--test", test_, "Only check the configuration");
    run_->add_flag("--autoreload", options_.auto_reload,
                   "Take up changed files, like `auto_reload = true`");
    for (CLI::App* app : {&app_, run_}) {
      app->add_flag("-u,--upgrade", options_.upgrade,
                    "Take the sockets of the process that runs, and its place");
      app->add_flag("-d,--daemon", options_.daemon,
                    "Go into the background once it serves; the exit code tells whether it does");
    }
    run_->add_flag("--last-good", options_.last_good,
                   "Start with the newest usable revision where the configuration cannot be used");
    validate_ =
        app_.add_subcommand("validate", "Find all that a start would fail on, and start nothing");
    validate_->footer(kValidateFooter);
    add_config(*validate_);
    validate_->add_flag("--strict", options_.strict, "Also what is hardly meant; warnings count");
    reload_ = app_.add_subcommand(
        "reload", "Make the running process use its configuration as it is now, and wait for it");
    reload_->footer(kReloadFooter);
    add_config(*reload_);
    reload_->add_option("--comment", options_.comment, "Why, for the history")->type_name("TEXT");
    add_history();
    add_sync();
    add_top();
    version_ = app_.add_subcommand("version", "Print version, commit and compiler");
    version_->add_flag("--json", json_, "As JSON");
    add_route();
    add_plugin();
    add_fmt();
    completion_ = app_.add_subcommand("completion", "Print a completion script for a shell");
    completion_->footer(kCompletionFooter);
    completion_->add_option("shell", shell_, "bash, zsh or fish")->required()->type_name("SHELL");
    demo_ = app_.add_subcommand("demo-backend", "A small HTTP server to try the proxy with");
    demo_->footer(kDemoFooter);
    demo_->add_option("--listen", options_.listen, "Address, such as 127.0.0.1:9101")
        ->required()
        ->type_name("ADDR");
    demo_->add_option("--name", options_.name, "What it calls itself")->type_name("NAME");
  }

  void add_history() {
    upgrade_ = app_.add_subcommand(
        "upgrade", "Start the program anew, which takes the place of the running process");
    upgrade_->footer(kUpgradeFooter);
    add_config(*upgrade_);
    log_ = app_.add_subcommand("log", "Show or change the levels of the application log");
    log_->footer(kLogFooter);
    log_->add_option("levels", options_.sides, "LEVEL, COMPONENT=LEVEL or reset; none: only show")
        ->type_name("LEVEL");
    add_config(*log_);
    status_ = app_.add_subcommand("status", "How the running process is, and what is degraded");
    status_->footer(kStatusFooter);
    add_config(*status_);
    status_->add_flag("--json", json_, "As JSON");
    diff_ = app_.add_subcommand("diff", "What a reload would change, or how two others differ");
    diff_->footer(kDiffFooter);
    diff_->add_option("sides", options_.sides, "Two files, folders or numbers of revisions")
        ->expected(0, 2)
        ->type_name("A B");
    add_config(*diff_);
    add_trace();
    add_profile();
    history_ = app_.add_subcommand("history", "The configurations that were in use");
    add_config(*history_);
    show_ = app_.add_subcommand("show", "The text of a revision");
    add_config(*show_);
    rollback_ = app_.add_subcommand("rollback", "Go back to a revision, which becomes a new one");
    rollback_->footer(kRollbackFooter);
    add_config(*rollback_);
    rollback_->add_option("--comment", options_.comment, "Why, for the history")->type_name("TEXT");
    for (CLI::App* app : {show_, rollback_}) {
      app->add_option("revision", options_.revision, "Its number, as `history` shows it")
          ->required()
          ->type_name("N");
    }
  }

  void add_top() {
    top_ = app_.add_subcommand("top", "What the running process does: rates, times, errors, live");
    top_->footer(kTopFooter);
    add_config(*top_);
    top_->add_flag("--once", options_.once, "Print it once, as where there is no terminal");
    top_->add_flag("--json", json_, "Print it once, as JSON");
    top_->add_option("--interval", options_.interval, "Seconds that the rates are over; 1")
        ->check(CLI::Range(0.1, 3600.0))
        ->type_name("SECONDS");
    top_->add_option("--sort", sort_, "By `requests`, `errors`, `p99` or `name`")->type_name("KEY");
  }

  void add_profile() {
    profile_ = app_.add_subcommand("profile", "What the threads of the running process work on");
    profile_->footer(kProfileFooter);
    add_config(*profile_);
    profile_->add_option("--seconds", options_.seconds, "How long; 10, at most 60")
        ->check(CLI::Range(1, 60))
        ->type_name("N");
  }

  void add_trace() {
    trace_ = app_.add_subcommand("trace", "Write the requests of a client or path to the log");
    trace_->footer(kTraceFooter);
    add_config(*trace_);
    trace_->add_option("--client", options_.client, "Of this address or network")
        ->type_name("ADDR");
    trace_->add_option("--path", options_.path, "Whose path begins so")->type_name("PATH");
    trace_->add_option("--for", options_.lasts, "How long; 30s, at most 1h")->type_name("TIME");
    trace_->add_option("--most", options_.most, "How many; 100, at most 10000")->type_name("N");
    trace_->add_flag("--off", options_.off, "No more from now on");
  }

  void add_fmt() {
    fmt_ = app_.add_subcommand("fmt", "Write configuration files in the one form, comments kept");
    fmt_->footer(kFmtFooter);
    fmt_->add_option("file", options_.files,
                     "TOML files, folders of them, or - for stdin to stdout")
        ->required()
        ->type_name("FILE");
    fmt_->add_flag("--check", check_,
                   "Write nothing: name what would change, and exit with 1 if any");
    fmt_->add_flag("--diff", show_diff_,
                   "Write nothing: show what would change, and exit with 1 if any");
  }

  void add_sync() {
    sync_ = app_.add_subcommand("config", "Bring a configuration into etcd, or out of it");
    sync_->require_subcommand(1);
    sync_->footer(kConfigFooter);
    push_ = sync_->add_subcommand("push", "Make etcd like a file or folder");
    add_config(*push_);
    push_->add_option("url", options_.target, "etcd://...")->required()->type_name("URL");
    CLI::App* pull = sync_->add_subcommand("pull", "Make a file or folder like etcd");
    pull->add_option("url", options_.source, "etcd://...")->required()->type_name("URL");
    pull->add_option("file", options_.target, "A file, or a folder with / at its end")
        ->required()
        ->type_name("FILE");
    CLI::App* both = sync_->add_subcommand("sync", "Make any place like another");
    both->add_option("source", options_.source, "A file, a folder, or etcd://...")
        ->required()
        ->type_name("SOURCE");
    both->add_option("target", options_.target, "The same")->required()->type_name("TARGET");
    for (CLI::App* one : {push_, pull, both}) {
      one->footer(kConfigFooter);
      one->add_flag("--dry-run", options_.dry_run, "Only say what would change");
      one->add_flag("--force", options_.force, "Also over what somebody else has changed");
      one->add_flag("--text-only", options_.text_only,
                    "Do not look for certificates and other files that it names");
      one->add_option("--layout", layout_, "`file` (one for all) or `items` (one for each entry)")
          ->type_name("LAYOUT");
    }
  }

  void add_route() {
    route_ = app_.add_subcommand("route", "Look into routing");
    route_->require_subcommand(1);
    explain_ = route_->add_subcommand(
        "explain", "Show every location considered for a request, why, and what is sent on");
    explain_->footer(kExplainFooter);
    explain_->add_option("method", options_.method, "GET, POST, ...")
        ->required()
        ->type_name("METHOD");
    explain_->add_option("url", options_.url, "http://host/path or /path")
        ->required()
        ->type_name("URL");
    explain_->add_option("-H,--header", headers_, "A header of the request, 'Name: value'; repeat")
        ->allow_extra_args(false)
        ->type_name("HEADER");
    add_config(*explain_);
  }

  void add_plugin() {
    plugin_ = app_.add_subcommand("plugin", "What plugins there are, and their keys");
    plugin_->require_subcommand(1);
    plugin_list_ = plugin_->add_subcommand("list", "All types, by name");
    plugin_show_ = plugin_->add_subcommand("show", "The keys of a type");
    plugin_show_->footer(kPluginFooter);
    plugin_show_->add_option("type", options_.name, "As in `type = \"TYPE\"`; all if left out")
        ->type_name("TYPE");
    for (CLI::App* one : {plugin_list_, plugin_show_}) {
      one->add_flag("--json", json_, "As JSON; of `show` a JSON Schema");
    }
    plugin_show_->add_flag("--markdown", markdown_, "As in docs/plugins-reference.md");
  }

  // The first word that is no known one, where a known one is near.
  static std::string hint_for(const std::vector<std::string>& reversed) {
    for (auto it = reversed.rbegin(); it != reversed.rend(); ++it) {
      const std::string_view word = std::string_view(*it).substr(0, it->find('='));
      if (std::ranges::find(kWords, word) != kWords.end()) {
        continue;
      }
      std::string hint = config::did_you_mean(word, kWords);
      if (!hint.empty()) {
        return hint;
      }
      if (word.ends_with(".toml")) {
        return fmt::format("did you mean `--config {}`?", word);
      }
    }
    return {};
  }

  tl::expected<Options, Exit> finish() {
    options_.command = command();
    switch (options_.command) {
      case Command::run:
      case Command::validate:
      case Command::reload:
      case Command::history:
      case Command::show:
      case Command::rollback:
      case Command::upgrade:
      case Command::log:
      case Command::profile:
        break;
      case Command::trace:
        return finish_trace();
      case Command::diff:
        if (options_.sides.size() == 1) {
          return usage("diff takes two, or none", "pingap diff A B");
        }
        break;
      case Command::config_sync:
        return finish_sync();
      case Command::top:
        return finish_top();
      case Command::version:
      case Command::status:
        options_.format = json_ ? Format::json : Format::text;
        break;
      case Command::plugin_list:
      case Command::plugin_show:
        options_.format = json_ ? Format::json : markdown_ ? Format::markdown : Format::text;
        break;
      case Command::route_explain:
        return finish_explain();
      case Command::fmt:
        if (check_ && show_diff_) {
          return usage("--check and --diff are not for one run", "--diff exits with 1, too");
        }
        options_.fmt_action = check_       ? FmtAction::check
                              : show_diff_ ? FmtAction::diff
                                           : FmtAction::write;
        break;
      case Command::completion:
        return finish_completion();
      case Command::demo_backend:
        return finish_demo();
    }
    return std::move(options_);
  }

  Command command() const {
    if (version_->parsed()) {
      return Command::version;
    }
    if (reload_->parsed()) {
      return Command::reload;
    }
    const std::array<std::pair<const CLI::App*, Command>, 10> of_running = {
        {{status_, Command::status},
         {upgrade_, Command::upgrade},
         {log_, Command::log},
         {top_, Command::top},
         {trace_, Command::trace},
         {profile_, Command::profile},
         {diff_, Command::diff},
         {history_, Command::history},
         {show_, Command::show},
         {rollback_, Command::rollback}}};
    for (const auto& [app, command] : of_running) {
      if (app->parsed()) {
        return command;
      }
    }
    if (sync_->parsed()) {
      return Command::config_sync;
    }
    if (explain_->parsed()) {
      return Command::route_explain;
    }
    if (plugin_->parsed()) {
      return plugin_list_->parsed() ? Command::plugin_list : Command::plugin_show;
    }
    if (fmt_->parsed()) {
      return Command::fmt;
    }
    if (completion_->parsed()) {
      return Command::completion;
    }
    if (demo_->parsed()) {
      return Command::demo_backend;
    }
    return validate_->parsed() || test_ ? Command::validate : Command::run;
  }

  tl::expected<Options, Exit> finish_sync() {
    if (!layout_.empty()) {
      const auto found = std::ranges::find(kLayouts, layout_);
      if (found == kLayouts.end()) {
        return usage("no layout " + config::quote(layout_), "file or items");
      }
      options_.layout = found == kLayouts.begin() ? Layout::file : Layout::items;
    }
    if (options_.target == "-") {
      return usage("stdout cannot be the target", "a file, a folder, or etcd://...");
    }
    return std::move(options_);
  }

  tl::expected<Options, Exit> finish_top() {
    options_.format = json_ ? Format::json : Format::text;
    if (!sort_.empty()) {
      const auto found = std::ranges::find(kSorts, sort_);
      if (found == kSorts.end()) {
        return usage("no sorting by " + config::quote(sort_), "requests, errors, p99 or name");
      }
      options_.sort = static_cast<TopSort>(found - kSorts.begin());
    }
    return std::move(options_);
  }

  tl::expected<Options, Exit> finish_trace() {
    const bool whom = !options_.client.empty() || !options_.path.empty();
    const bool how = !options_.lasts.empty() || !options_.most.empty();
    if (how && !whom) {
      return usage("trace what?", "--client ADDR or --path PATH; `--path /` is everything");
    }
    if (options_.off && (whom || how)) {
      return usage("--off goes alone");
    }
    return std::move(options_);
  }

  tl::expected<Options, Exit> finish_explain() {
    if (!config::is_token(options_.method)) {
      return usage("METHOD is not a method: " + config::quote(options_.method));
    }
    std::ranges::transform(options_.method, options_.method.begin(), [](char c) {
      return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
    });
    const std::string_view url = options_.url;
    if (!url.starts_with('/') && !url.starts_with("http://") && !url.starts_with("https://")) {
      return usage("URL is not one: " + config::quote(url), "http://host/path or /path");
    }
    for (const std::string& header : headers_) {
      const size_t colon = header.find(':');
      const std::string name(trim(std::string_view(header).substr(0, colon)));
      if (colon == std::string::npos || config::check_header_name(name)) {
        return usage("not a header: " + config::quote(header), "-H 'Name: value'");
      }
      const std::string value(trim(std::string_view(header).substr(colon + 1)));
      if (config::check_header_value(value)) {
        return usage("not a header: " + config::quote(header), "-H 'Name: value'");
      }
      options_.headers.push_back({name, value});
    }
    return std::move(options_);
  }

  tl::expected<Options, Exit> finish_completion() {
    const auto found = std::ranges::find(kShells, shell_);
    if (found == kShells.end()) {
      return usage("no completion for " + config::quote(shell_), "bash, zsh or fish");
    }
    options_.shell = static_cast<Shell>(found - kShells.begin());
    return std::move(options_);
  }

  tl::expected<Options, Exit> finish_demo() {
    const auto address = config::parse_listen_address(options_.listen);
    if (!address) {
      return usage("--listen: " + address.error().what, address.error().hint);
    }
    options_.listen = address->to_string();
    if (options_.name.empty()) {
      options_.name = options_.listen;
    }
    return std::move(options_);
  }

  CLI::App app_;
  CLI::App* run_ = nullptr;
  CLI::App* validate_ = nullptr;
  CLI::App* reload_ = nullptr;
  CLI::App* log_ = nullptr;
  CLI::App* top_ = nullptr;
  CLI::App* trace_ = nullptr;
  CLI::App* profile_ = nullptr;
  CLI::App* upgrade_ = nullptr;
  CLI::App* diff_ = nullptr;
  CLI::App* history_ = nullptr;
  CLI::App* status_ = nullptr;
  CLI::App* show_ = nullptr;
  CLI::App* rollback_ = nullptr;
  CLI::App* sync_ = nullptr;
  CLI::App* push_ = nullptr;
  CLI::App* version_ = nullptr;
  CLI::App* route_ = nullptr;
  CLI::App* explain_ = nullptr;
  CLI::App* plugin_ = nullptr;
  CLI::App* plugin_list_ = nullptr;
  CLI::App* plugin_show_ = nullptr;
  CLI::App* fmt_ = nullptr;
  CLI::App* completion_ = nullptr;
  CLI::App* demo_ = nullptr;
  Options options_;
  std::vector<std::string> headers_;
  std::string shell_;
  std::string layout_;
  std::string sort_;
  bool test_ = false;
  bool json_ = false;
  bool markdown_ = false;
  bool check_ = false;
  bool show_diff_ = false;
};

bool is_revision(std::string_view side) noexcept {
  return std::ranges::all_of(side, [](char c) { return c >= '0' && c <= '9'; });
}

bool needs_config(const Options& options) noexcept {
  const bool two_files = options.command == Command::diff &&
                         std::ranges::none_of(options.sides, is_revision) && !options.sides.empty();
  return options.command != Command::version && options.command != Command::completion &&
         options.command != Command::demo_backend && options.command != Command::fmt &&
         options.command != Command::plugin_list && options.command != Command::plugin_show &&
         options.source.empty() && !two_files;
}

}  // namespace

tl::expected<Options, Exit> parse_options(std::span<const char* const> arguments,
                                          std::string_view environment_config) {
  std::vector<std::string> words;
  for (const std::string_view word : arguments) {
    // Go's flag package takes one dash for long names, and so do the product's documents.
    const bool go_form = word == "-config" || word.starts_with("-config=");
    words.push_back(go_form ? "-" + std::string(word) : std::string(word));
  }
  auto options = CommandLine().parse(std::move(words));
  if (options && needs_config(*options) && options->config.empty()) {
    if (environment_config.empty()) {
      return usage("no configuration given",
                   "add --config FILE (a file, a folder, - for stdin, or etcd://...)");
    }
    options->config = environment_config;
  }
  if (options) {
    options->arguments.assign(arguments.begin(), arguments.end());
  }
  if (options && options->command == Command::config_sync && options->source.empty()) {
    options->source = options->config;
  }
  return options;
}

}  // namespace pingap::cli

// Which verb was given, with what; the verbs are in verbs_*.cc.
#include "cli/options.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "cli/help.h"
#include "cli/verbs.h"
#include "config/suggest.h"

namespace pingap::cli {

Exit usage(std::string_view what, std::string_view hint) {
  return {ExitCode::usage, fmt::format("pingap: {}{}{}\nTry `pingap --help`.\n", what,
                                       hint.empty() ? "" : "; ", hint)};
}

CLI::App& Verbs::add(CLI::App& parent, Command command, const char* name, const char* about,
                     Finish finish) {
  CLI::App* app = parent.add_subcommand(name, about);
  verbs_.push_back({app, command, std::move(finish)});
  return *app;
}

void Verbs::add_config(CLI::App& app) {
  app.add_option("-c,--config", given.options.config,
                 "Configuration: a TOML file, a folder of them, - for stdin, or etcd://...")
      ->type_name("FILE");
}

void Verbs::add_json(CLI::App& app, const char* about) {
  app.add_flag("--json", given.json, about);
}

std::optional<Exit> Verbs::finish() {
  const auto verb = std::ranges::find_if(verbs_, [](const Verb& one) { return one.app->parsed(); });
  Options& options = given.options;
  options.command = verb == verbs_.end() ? Command::run : verb->command;
  if (options.command == Command::run && given.test) {
    options.command = Command::validate;
  }
  options.format = given.json ? Format::json : given.markdown ? Format::markdown : Format::text;
  return verb == verbs_.end() || !verb->finish ? std::nullopt : verb->finish(given);
}

namespace {

void add_run(CLI::App& app, Verbs& verbs) {
  Options& options = verbs.given.options;
  CLI::App& run =
      verbs.add(app, Command::run, "run",
                "Start the proxy, in the foreground unless told otherwise (the default)");
  for (CLI::App* one : {&app, &run}) {
    verbs.add_config(*one);
    one->add_flag("-t,--test", verbs.given.test, "Only check the configuration, like `validate`");
    one->add_flag("-u,--upgrade", options.upgrade,
                  "Take the sockets of the process that runs, and its place");
    one->add_flag("-d,--daemon", options.daemon,
                  "Go into the background once it serves; the exit code tells whether it does");
  }
  run.add_flag("--autoreload", options.auto_reload,
               "Take up changed files, like `auto_reload = true`");
  run.add_flag("--last-good", options.last_good,
               "Start with the newest usable revision where the configuration cannot be used");
}

void add_validate(CLI::App& app, Verbs& verbs) {
  CLI::App& validate = verbs.add(app, Command::validate, "validate",
                                 "Find all that a start would fail on, and start nothing");
  validate.footer(kValidateFooter);
  verbs.add_config(validate);
  validate.add_flag("--strict", verbs.given.options.strict,
                    "Also what is hardly meant; warnings count");
}

// Everything that can stand after `pingap`, for "did you mean".
void collect_words(CLI::App& app, std::vector<std::string>& words) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      words.push_back("--" + name);
    }
  }
  for (CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    words.push_back(verb->get_name());
    collect_words(*verb, words);
  }
}

// The first word that is no known one, where a known one is near.
std::string hint_for(CLI::App& app, const std::vector<std::string>& given) {
  std::vector<std::string> words{"-config"};
  collect_words(app, words);
  std::ranges::sort(words);
  const auto twice = std::ranges::unique(words);
  words.erase(twice.begin(), twice.end());
  const std::vector<std::string_view> known(words.begin(), words.end());
  for (const std::string& one : given) {
    const std::string_view word = std::string_view(one).substr(0, one.find('='));
    if (std::ranges::find(known, word) != known.end()) {
      continue;
    }
    std::string hint = config::did_you_mean(word, known);
    if (!hint.empty()) {
      return hint;
    }
    if (word.ends_with(".toml")) {
      return fmt::format("did you mean `--config {}`?", word);
    }
  }
  return {};
}

tl::expected<Options, Exit> parse(const std::vector<std::string>& words) {
  Verbs verbs;
  CLI::App app(kAbout, "pingap");
  app.footer(kFooter);
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.set_version_flag("-V,--version", version_text(Format::text), "Print the version and exit");
  app.require_subcommand(0, 1);
  app.get_formatter()->column_width(34);
  add_run(app, verbs);
  add_validate(app, verbs);
  add_verbs_of_running(app, verbs);
  add_verbs_of_configurations(app, verbs);
  add_tools(app, verbs);
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));  // from the back
  } catch (const CLI::CallForHelp&) {
    return tl::make_unexpected(Exit{ExitCode::ok, app.help()});
  } catch (const CLI::CallForVersion&) {
    return tl::make_unexpected(Exit{ExitCode::ok, version_text(Format::text)});
  } catch (const CLI::ExtrasError& error) {
    return tl::make_unexpected(usage(error.what(), hint_for(app, words)));
  } catch (const CLI::ParseError& error) {
    return tl::make_unexpected(usage(error.what()));
  }
  if (auto wrong = verbs.finish()) {
    return tl::make_unexpected(*std::move(wrong));
  }
  return std::move(verbs.given.options);
}

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
  auto options = parse(words);
  if (options && needs_config(*options) && options->config.empty()) {
    if (environment_config.empty()) {
      return tl::make_unexpected(
          usage("no configuration given",
                "add --config FILE (a file, a folder, - for stdin, or etcd://...)"));
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

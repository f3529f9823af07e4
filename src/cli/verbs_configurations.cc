// Verbs of configurations: compare, go back, copy, write in the one form.
#include <algorithm>
#include <array>
#include <string_view>

#include "cli/help.h"
#include "cli/verbs.h"
#include "config/suggest.h"

namespace pingap::cli {
namespace {

constexpr std::array<std::string_view, 2> kLayouts = {"file", "items"};

std::optional<Exit> finish_diff(Given& given) {
  if (given.options.sides.size() == 1) {
    return usage("diff takes two, or none", "pingap diff A B");
  }
  return std::nullopt;
}

std::optional<Exit> finish_fmt(Given& given) {
  if (given.check && given.diff) {
    return usage("--check and --diff are not for one run", "--diff exits with 1, too");
  }
  given.options.fmt_action = given.check  ? FmtAction::check
                             : given.diff ? FmtAction::diff
                                          : FmtAction::write;
  return std::nullopt;
}

std::optional<Exit> finish_sync(Given& given) {
  Options& options = given.options;
  if (!given.layout.empty()) {
    const auto found = std::ranges::find(kLayouts, given.layout);
    if (found == kLayouts.end()) {
      return usage("no layout " + config::quote(given.layout), "file or items");
    }
    options.layout = found == kLayouts.begin() ? Layout::file : Layout::items;
  }
  if (options.target == "-") {
    return usage("stdout cannot be the target", "a file, a folder, or etcd://...");
  }
  return std::nullopt;
}

void add_diff(CLI::App& app, Verbs& verbs) {
  CLI::App& diff = verbs.add(app, Command::diff, "diff",
                             "What a reload would change, or how two others differ", finish_diff);
  diff.footer(kDiffFooter);
  diff.add_option("sides", verbs.given.options.sides, "Two files, folders or numbers of revisions")
      ->expected(0, 2)
      ->type_name("A B");
  verbs.add_config(diff);
}

void add_revisions(CLI::App& app, Verbs& verbs) {
  Options& options = verbs.given.options;
  verbs.add_config(
      verbs.add(app, Command::history, "history", "The configurations that were in use"));
  CLI::App& show = verbs.add(app, Command::show, "show", "The text of a revision");
  CLI::App& rollback = verbs.add(app, Command::rollback, "rollback",
                                 "Go back to a revision, which becomes a new one");
  rollback.footer(kRollbackFooter);
  for (CLI::App* one : {&show, &rollback}) {
    verbs.add_config(*one);
    one->add_option("revision", options.revision, "Its number, as `history` shows it")
        ->required()
        ->type_name("N");
  }
  rollback.add_option("--comment", options.comment, "Why, for the history")->type_name("TEXT");
}

void add_copy(CLI::App& verb, Verbs& verbs) {
  Options& options = verbs.given.options;
  verb.footer(kConfigFooter);
  verb.add_flag("--dry-run", options.dry_run, "Only say what would change");
  verb.add_flag("--force", options.force, "Also over what somebody else has changed");
  verb.add_flag("--text-only", options.text_only,
                "Do not look for certificates and other files that it names");
  verb.add_option("--layout", verbs.given.layout,
                  "`file` (one for all) or `items` (one for each entry)")
      ->type_name("LAYOUT");
}

void add_sync(CLI::App& app, Verbs& verbs) {
  Options& options = verbs.given.options;
  CLI::App& config = *app.add_subcommand("config", "Bring a configuration into etcd, or out of it");
  config.require_subcommand(1);
  config.footer(kConfigFooter);
  CLI::App& push = verbs.add(config, Command::config_sync, "push",
                             "Make etcd like a file or folder", finish_sync);
  verbs.add_config(push);
  push.add_option("url", options.target, "etcd://...")->required()->type_name("URL");
  CLI::App& pull = verbs.add(config, Command::config_sync, "pull",
                             "Make a file or folder like etcd", finish_sync);
  pull.add_option("url", options.source, "etcd://...")->required()->type_name("URL");
  pull.add_option("file", options.target, "A file, or a folder with / at its end")
      ->required()
      ->type_name("FILE");
  CLI::App& both =
      verbs.add(config, Command::config_sync, "sync", "Make any place like another", finish_sync);
  both.add_option("source", options.source, "A file, a folder, or etcd://...")
      ->required()
      ->type_name("SOURCE");
  both.add_option("target", options.target, "The same")->required()->type_name("TARGET");
  for (CLI::App* one : {&push, &pull, &both}) {
    add_copy(*one, verbs);
  }
}

void add_fmt(CLI::App& app, Verbs& verbs) {
  CLI::App& fmt = verbs.add(app, Command::fmt, "fmt",
                            "Write configuration files in the one form, comments kept", finish_fmt);
  fmt.footer(kFmtFooter);
  fmt.add_option("file", verbs.given.options.files,
                 "TOML files, folders of them, or - for stdin to stdout")
      ->required()
      ->type_name("FILE");
  fmt.add_flag("--check", verbs.given.check,
               "Write nothing: name what would change, and exit with 1 if any");
  fmt.add_flag("--diff", verbs.given.diff,
               "Write nothing: show what would change, and exit with 1 if any");
}

}  // namespace

void add_verbs_of_configurations(CLI::App& app, Verbs& verbs) {
  add_diff(app, verbs);
  add_revisions(app, verbs);
  add_sync(app, verbs);
  add_fmt(app, verbs);
}

}  // namespace pingap::cli

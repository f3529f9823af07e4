// The command line as plain values. Main thread, before anything else runs.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "base/exit_code.h"
#include "cli/top_view.h"
#include "cli/version.h"

namespace pingap::cli {

enum class Command : uint8_t {
  run,
  validate,
  reload,
  status,
  diff,
  history,
  show,
  rollback,
  upgrade,
  log,
  upstream,
  top,
  trace,
  profile,
  version,
  config_sync,
  plugin_list,
  plugin_show,
  route_explain,
  fmt,
  completion,
  demo_backend
};

// Writes files, or only names those that it would write.
enum class FmtAction : uint8_t { write, check, diff };

// How a configuration is to lie in its target; `kept` = as it lies there, or in the source.
enum class Layout : uint8_t { kept, file, items };

enum class Shell : uint8_t { bash, zsh, fish };

struct HeaderArgument {
  std::string name;
  std::string value;
};

struct Options {
  Command command = Command::run;
  std::string config;                   // a file, a folder, "-" or "etcd://..."
  bool auto_reload = false;             // run
  bool strict = false;                  // validate
  bool last_good = false;               // run
  bool upgrade = false;                 // run
  bool daemon = false;                  // run
  std::string program;                  // run: what the program was started as
  std::vector<std::string> arguments;   // run: the command line, as it was
  std::string comment;                  // reload, rollback
  std::vector<std::string> sides;       // diff: none, or two files or revisions; log: levels;
                                        // upstream: what to do, with whom
  uint64_t revision = 0;                // show, rollback
  double interval = 1;                  // top: seconds between two looks
  uint64_t seconds = 10;                // profile
  std::string source;                   // config sync: as `config`
  std::string target;                   // config sync: as `config`, without "-"
  Layout layout = Layout::kept;         // config sync
  bool dry_run = false;                 // config sync
  bool force = false;                   // config sync
  bool text_only = false;               // config sync
  bool off = false;                     // trace
  Format format = Format::text;         // version, plugin, status, top
  bool once = false;                    // top
  TopSort sort = TopSort::requests;     // top
  std::string client;                   // trace: an address or network
  std::string path;                     // trace: how it begins
  std::string lasts;                    // trace: a duration
  std::string most;                     // trace, status: a number
  Shell shell = Shell::bash;            // completion
  std::string method;                   // route explain: upper case
  std::string url;                      // route explain: "http://host/path" or "/path"
  std::vector<HeaderArgument> headers;  // route explain
  std::vector<std::string> files;       // fmt: files, folders, "-"
  FmtAction fmt_action = FmtAction::write;
  std::string listen;  // demo-backend: "host:port"
  std::string name;    // demo-backend; plugin show: a type, may be empty
};

// Why there are no options: a text was asked for (code ok, for stdout), or the line is wrong
// (code usage, for stderr). The text ends with a newline.
struct Exit {
  ExitCode code = ExitCode::ok;
  std::string text;
};

// `arguments` come without the program's name. `environment_config` stands in for a missing
// --config (PINGAP_CONFIG).
tl::expected<Options, Exit> parse_options(std::span<const char* const> arguments,
                                          std::string_view environment_config = {});

}  // namespace pingap::cli

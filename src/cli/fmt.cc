#include "cli/fmt.h"

#include <algorithm>
#include <cstdio>
#include <string>

#include <fmt/core.h>

#include "config/diagnostics.h"
#include "config/formatter.h"
#include "config/loader.h"
#include "config/unified_diff.h"
#include "config/write_file.h"

namespace pingap::cli {
namespace {

class FileFormatter {
 public:
  explicit FileFormatter(FmtAction action) : action_(action) {}

  ExitCode run(const std::vector<std::string>& paths) {
    for (const std::string& path : paths) {
      run(path);
    }
    if (!diagnostics_.entries().empty()) {
      fmt::print(stderr, "{}", diagnostics_.render());
    }
    return code_;
  }

 private:
  void run(const std::string& path) {
    const size_t errors = diagnostics_.errors();
    const auto texts = config::read_sources(path, diagnostics_);
    if (diagnostics_.errors() > errors) {
      fail(ExitCode::runtime_failure);
    }
    for (const config::Text& text : texts) {
      format(text, path == "-");
    }
  }

  void format(const config::Text& text, bool is_stdin) {
    const auto after = config::format_toml(text.text);
    if (!after) {
      const config::EditError& error = after.error();
      config::Position at = error.at;
      at.source = diagnostics_.add_source(text.name, text.text);
      at.line = std::max(at.line, 1U);
      at.column = std::max(at.column, 1U);
      diagnostics_.error(at, error.what, {}, error.hint);
      fail(ExitCode::invalid_config);
    } else if (action_ == FmtAction::write && is_stdin) {
      fmt::print("{}", *after);
    } else if (*after != text.text) {
      change(text, *after);
    }
  }

  void change(const config::Text& text, const std::string& after) {
    switch (action_) {
      case FmtAction::check:
        fail(ExitCode::runtime_failure);
        break;
      case FmtAction::diff:
        fail(ExitCode::runtime_failure);
        fmt::print("{}", config::unified_diff(text.name, text.text, after));
        return;
      case FmtAction::write:
        if (const auto written = config::write_file_atomically(text.name, after); !written) {
          diagnostics_.error({}, written.error());
          fail(ExitCode::runtime_failure);
          return;
        }
        break;
    }
    fmt::print("{}\n", text.name);
  }

  void fail(ExitCode code) noexcept { code_ = std::max(code_, code); }

  FmtAction action_;
  config::Diagnostics diagnostics_;
  ExitCode code_ = ExitCode::ok;
};

}  // namespace

ExitCode format_files(const Options& options) {
  return FileFormatter(options.fmt_action).run(options.files);
}

}  // namespace pingap::cli

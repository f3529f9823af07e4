#include "cli/history.h"

#include <algorithm>
#include <cstdio>

#include <fmt/core.h>

#include "control/history.h"

namespace pingap::cli {

ExitCode show_history(const Options& options) {
  const control::History history(options.config, 1);
  const auto revisions = history.list();
  if (history.folder().empty()) {
    fmt::print(
        "none are kept: there is no folder for them on this machine; STATE_DIRECTORY names one\n");
    return ExitCode::ok;
  }
  if (revisions.empty()) {
    fmt::print("none yet in {}: the first reload begins it\n", history.folder());
    return ExitCode::ok;
  }
  size_t author = 6;
  size_t origin = 6;
  for (const auto& revision : revisions) {
    author = std::max(author, revision.author.size());
    origin = std::max(origin, revision.origin.size());
  }
  fmt::print("{:>6}  {:20}  {:{}}  {:{}}  {:12}  comment\n", "number", "time", "author", author,
             "origin", origin, "hash");
  for (const auto& revision : revisions) {
    fmt::print("{:>6}  {:20}  {:{}}  {:{}}  {:.12}  {}\n", revision.number, revision.time,
               revision.author, author, revision.origin, origin, revision.hash, revision.comment);
  }
  return ExitCode::ok;
}

ExitCode show_revision(const Options& options) {
  const auto revision = control::History(options.config, 1).read(options.revision);
  if (!revision) {
    fmt::print(stderr, "pingap: {}\n", revision.error());
    return ExitCode::runtime_failure;
  }
  for (const auto& text : revision->texts) {
    if (revision->texts.size() > 1) {
      fmt::print("# ---- {}\n", text.name);
    }
    fmt::print("{}", text.text);
  }
  return ExitCode::ok;
}

}  // namespace pingap::cli

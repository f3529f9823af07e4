#include "cli/load.h"

#include <cstdio>

#include <fmt/core.h>

#include "config/loader.h"

namespace pingap::cli {

std::shared_ptr<const proxy::Snapshot> load_snapshot(const Options& options) {
  config::Diagnostics diagnostics;
  std::shared_ptr<const proxy::Snapshot> snapshot;
  auto texts = config::read_sources(options.config, diagnostics);
  if (!diagnostics.has_errors()) {
    const config::Model model = config::load(std::move(texts), diagnostics);
    // Also with errors, so that those of building it are shown in the same run.
    snapshot = proxy::build_snapshot(model, diagnostics);
  }
  if (!diagnostics.entries().empty()) {
    fmt::print(stderr, "{}", diagnostics.render());
  }
  if (diagnostics.has_errors()) {
    return nullptr;
  }
  return snapshot;
}

}  // namespace pingap::cli

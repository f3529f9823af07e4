#include "cli/load.h"

#include <cstdio>

#include <fmt/core.h>

#include "cli/preflight.h"
#include "config/loader.h"

namespace pingap::cli {
namespace {

tl::expected<Loaded, ExitCode> build(const Options& options, Check check,
                                     const proxy::Snapshot* before,
                                     config::Diagnostics& diagnostics) {
  auto texts = config::read_sources(options.config, diagnostics);
  if (diagnostics.has_errors()) {
    return tl::unexpected(ExitCode::invalid_config);
  }
  Loaded loaded;
  loaded.model = config::load(std::move(texts), diagnostics);
  const config::Model& model = loaded.model;
  // Also with errors, as the machine is looked at: what is found there is shown in the same run.
  loaded.snapshot = proxy::build_snapshot(
      model, diagnostics, check == Check::start ? proxy::Finding::later : proxy::Finding::tried,
      before);
  const bool valid = !diagnostics.has_errors();
  if (check != Check::configuration && before == nullptr) {
    loaded.identity = check_machine(model, *loaded.snapshot, diagnostics);
  }
  if (diagnostics.has_errors()) {
    return tl::unexpected(valid ? ExitCode::cannot_bind : ExitCode::invalid_config);
  }
  return loaded;
}

}  // namespace

tl::expected<Loaded, ExitCode> load_snapshot(const Options& options, Check check,
                                             const proxy::Snapshot* before) {
  config::Diagnostics diagnostics;
  auto loaded = build(options, check, before, diagnostics);
  if (!diagnostics.entries().empty()) {
    fmt::print(stderr, "{}", diagnostics.render());
  }
  return loaded;
}

}  // namespace pingap::cli

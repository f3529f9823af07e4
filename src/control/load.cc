#include "control/load.h"

#include <unistd.h>
#include <utility>

#include "config/lint.h"
#include "control/preflight.h"
#include "control/storage.h"

namespace pingap::control {
namespace {

Refusal refused(ExitCode code, const config::Diagnostics& diagnostics) {
  return {code, diagnostics.render()};
}

tl::expected<Loaded, Refusal> build(std::vector<config::Text> texts, Check check,
                                    const proxy::Snapshot* before,
                                    config::Diagnostics& diagnostics) {
  Loaded loaded;
  loaded.texts = texts;
  loaded.model = config::load(std::move(texts), diagnostics);
  const config::Model& model = loaded.model;
  // Also with errors, as the machine is looked at: what is found there is shown in the same run.
  loaded.snapshot = proxy::build_snapshot(model, diagnostics,
                                          check == Check::start || check == Check::take_over
                                              ? proxy::Finding::later
                                              : proxy::Finding::tried,
                                          before);
  const bool valid = !diagnostics.has_errors();
  if (valid && check == Check::strict) {
    config::lint(model, diagnostics);
  }
  if (check == Check::take_over && ::geteuid() == 0) {
    loaded.identity = find_identity(model.basic, diagnostics);
  } else if (check != Check::configuration && check != Check::take_over && before == nullptr) {
    loaded.identity = check_machine(model, *loaded.snapshot, diagnostics);
  }
  if (diagnostics.has_errors()) {
    return tl::unexpected(
        refused(valid ? ExitCode::cannot_bind : ExitCode::invalid_config, diagnostics));
  }
  loaded.warnings = diagnostics.render();
  return loaded;
}

}  // namespace

tl::expected<Loaded, Refusal> load(const std::string& config, Check check,
                                   const proxy::Snapshot* before) {
  auto storage = open_storage(config);
  return storage ? load(**storage, check, before) : tl::unexpected(storage.error());
}

tl::expected<Loaded, Refusal> load(config::Storage& storage, Check check,
                                   const proxy::Snapshot* before) {
  config::Diagnostics diagnostics;
  auto texts = storage.read(diagnostics).texts;
  if (diagnostics.has_errors()) {
    return tl::unexpected(refused(ExitCode::invalid_config, diagnostics));
  }
  return build(std::move(texts), check, before, diagnostics);
}

tl::expected<Loaded, Refusal> load(std::vector<config::Text> texts, Check check,
                                   const proxy::Snapshot* before) {
  config::Diagnostics diagnostics;
  return build(std::move(texts), check, before, diagnostics);
}

}  // namespace pingap::control

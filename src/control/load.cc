#include "control/load.h"

#include <unistd.h>
#include <utility>

#include "config/lint.h"
#include "control/preflight.h"
#include "control/storage.h"

namespace pingap::control {
namespace {

// A start does with what there is. A running process that cannot go on as well stays as it is: one
// that reloads, and one that another is to take over from.
proxy::Finding finding_for(Check check, const proxy::Snapshot* before) {
  if (check == Check::start) {
    return before == nullptr ? proxy::Finding::healing : proxy::Finding::later;
  }
  return check == Check::take_over ? proxy::Finding::later : proxy::Finding::tried;
}

Refusal refused(ExitCode code, const config::Diagnostics& diagnostics) {
  return {code, diagnostics.render()};
}

}  // namespace

Parsed parse(std::vector<config::Text> texts) {
  Parsed parsed;
  parsed.texts = texts;
  parsed.model = config::load(std::move(texts), parsed.diagnostics);
  return parsed;
}

tl::expected<Loaded, Refusal> build(Parsed parsed, Check check, const proxy::Snapshot* before,
                                    const net::NamedAddresses* names,
                                    const proxy::InheritedSockets* given) {
  config::Diagnostics& diagnostics = parsed.diagnostics;
  Loaded loaded;
  loaded.texts = std::move(parsed.texts);
  loaded.model = std::move(parsed.model);
  const config::Model& model = loaded.model;
  // Also with errors, as the machine is looked at: what is found there is shown in the same run.
  loaded.snapshot =
      proxy::build_snapshot(model, diagnostics, finding_for(check, before), before, names);
  const bool valid = !diagnostics.has_errors();
  if (valid && check == Check::strict) {
    config::lint(model, diagnostics);
  }
  if (check == Check::take_over && ::geteuid() == 0) {
    loaded.identity = find_identity(model.basic, diagnostics);
  } else if (check != Check::configuration && check != Check::take_over && before == nullptr) {
    const auto bad_logs = check == Check::start ? observe::BadLog::later : observe::BadLog::refused;
    loaded.identity = check_machine(model, *loaded.snapshot, diagnostics, bad_logs, given);
  }
  if (diagnostics.has_errors()) {
    return tl::unexpected(
        refused(valid ? ExitCode::cannot_bind : ExitCode::invalid_config, diagnostics));
  }
  loaded.warnings = diagnostics.render();
  return loaded;
}

tl::expected<std::vector<config::Text>, Refusal> read_texts(config::Storage& storage) {
  config::Diagnostics diagnostics;
  auto texts = storage.read(diagnostics).texts;
  if (diagnostics.has_errors()) {
    return tl::unexpected(refused(ExitCode::invalid_config, diagnostics));
  }
  return texts;
}

tl::expected<Loaded, Refusal> load(const std::string& config, Check check,
                                   const proxy::Snapshot* before) {
  auto storage = open_storage(config);
  return storage ? load(**storage, check, before) : tl::unexpected(storage.error());
}

tl::expected<Loaded, Refusal> load(config::Storage& storage, Check check,
                                   const proxy::Snapshot* before,
                                   const proxy::InheritedSockets* given) {
  auto texts = read_texts(storage);
  return texts ? load(std::move(*texts), check, before, given) : tl::unexpected(texts.error());
}

tl::expected<Loaded, Refusal> load(std::vector<config::Text> texts, Check check,
                                   const proxy::Snapshot* before,
                                   const proxy::InheritedSockets* given) {
  return build(parse(std::move(texts)), check, before, nullptr, given);
}

}  // namespace pingap::control

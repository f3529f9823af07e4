// Configuration texts to a snapshot, problems to stderr. Control thread.
#pragma once

#include <memory>
#include <optional>

#include <tl/expected.hpp>

#include "cli/options.h"
#include "cli/privileges.h"
#include "config/model.h"
#include "proxy/snapshot.h"

namespace pingap::cli {

struct Loaded {
  config::Model model;
  std::shared_ptr<const proxy::Snapshot> snapshot;
  std::optional<Identity> identity;  // who to become; where the machine was looked at
};

// Whether the machine must be able to start it, too; whether it is started.
enum class Check : uint8_t { configuration, machine, start };

// With errors, all of which have been printed: invalid_config, or cannot_bind where only the
// machine is to blame.
// `before` is what is to be replaced; null at a start.
tl::expected<Loaded, ExitCode> load_snapshot(const Options& options, Check check,
                                             const proxy::Snapshot* before = nullptr);

}  // namespace pingap::cli

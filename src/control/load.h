// Configuration texts to a snapshot. Control thread; may block on files and names.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "base/exit_code.h"
#include "config/diagnostics.h"
#include "config/loader.h"
#include "config/model.h"
#include "config/storage.h"
#include "control/privileges.h"
#include "net/address.h"
#include "proxy/inherited.h"
#include "proxy/snapshot.h"

namespace pingap::control {

struct Loaded {
  std::vector<config::Text> texts;  // that it was made from
  config::Model model;
  std::shared_ptr<const proxy::Snapshot> snapshot;
  std::optional<Identity> identity;  // who to become; where the machine was looked at
  std::string warnings;              // for people, lines; may be empty
  std::string stands_in;  // which revision it is, where what is there cannot be used; else empty
};

// Why there is nothing: invalid_config, or cannot_bind where only the machine is to blame.
struct Refusal {
  ExitCode code = ExitCode::invalid_config;
  std::string report;  // all errors and warnings, for people, with their places; lines
};

// Whether the machine must be able to start it, too; what is hardly meant is a warning, too;
// whether it is started, or takes over from a process that has its addresses and files.
enum class Check : uint8_t { configuration, machine, strict, start, take_over };

// Texts that were read, and are to be built.
struct Parsed {
  std::vector<config::Text> texts;
  config::Model model;
  config::Diagnostics diagnostics;  // with errors the model may be incomplete
};

Parsed parse(std::vector<config::Text> texts);

// `names` are those that were looked up already, `given` sockets for addresses; null: none.
tl::expected<Loaded, Refusal> build(Parsed parsed, Check check, const proxy::Snapshot* before,
                                    const net::NamedAddresses* names = nullptr,
                                    const proxy::InheritedSockets* given = nullptr);

// What a storage holds now.
tl::expected<std::vector<config::Text>, Refusal> read_texts(config::Storage& storage);

// What `config` names: "-" (stdin), a file, a folder, "etcd://...". `before` is what is to be
// replaced; null at a start.
tl::expected<Loaded, Refusal> load(const std::string& config, Check check,
                                   const proxy::Snapshot* before = nullptr);

// The same of what a storage holds; `given` as above.
tl::expected<Loaded, Refusal> load(config::Storage& storage, Check check,
                                   const proxy::Snapshot* before = nullptr,
                                   const proxy::InheritedSockets* given = nullptr);

// The same of texts that are here already.
tl::expected<Loaded, Refusal> load(std::vector<config::Text> texts, Check check,
                                   const proxy::Snapshot* before = nullptr,
                                   const proxy::InheritedSockets* given = nullptr);

}  // namespace pingap::control

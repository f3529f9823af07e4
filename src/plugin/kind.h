// A type of plugins: its name, when it runs, its options, and how one is made. Control thread.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/model.h"
#include "plugin/fetch.h"
#include "plugin/options.h"
#include "plugin/plugin.h"

namespace pingap::plugin {

// When a plugin runs, and with that who can rely on whom: what is below sees only requests that all
// above have let through. Inside a phase `priority` decides (the higher one first), then the order
// of the list. Response hooks run the other way round: what encodes a body is the last to see it.
enum class Phase : uint8_t {
  identify,   // names the request, and what is done to every answer: request ids, compression, CORS
  guard,      // who may come at all, by cheap signs
  limit,      // how much of it
  auth,       // who it is
  traffic,    // where it goes
  transform,  // what becomes of it
  content,    // answers it
};

std::string_view to_string(Phase phase) noexcept;

// What a plugin may need to be made.
struct Making {
  const config::Plugin& entry;
  config::Reader& reader;
  // The one of the same name that is in use, if it is of the same type: a new one may take over
  // what it has counted. Null at the start.
  const Plugin* before;
  uint32_t workers;
  // Paths of the files that it is made of: when one has changed, a reload makes it anew. To be
  // added before a file is read.
  std::vector<std::string>& files;
  // Null where the plugin is made only to be looked at.
  Fetcher* fetcher = nullptr;
  // Upstreams that it sends requests to, by name: whether there are such is looked at with each
  // configuration. Null where nobody looks.
  std::vector<Located<std::string>>* upstreams = nullptr;
};

struct Kind {
  std::string_view type;
  std::string_view alias;    // the original's name, may be empty
  std::string_view summary;  // one line
  Phase phase;
  // Adds its options, in the order of the documentation.
  void (*describe)(std::vector<OptionInfo>& to);
  // Null where something is wrong with the options: then the diagnostics have it.
  std::shared_ptr<const Plugin> (*make)(const Making& making);
};

// The `describe` of a table of options.
template <const auto& kTable>
void describe_options(std::vector<OptionInfo>& to) {
  for (const auto& option : kTable) {
    to.push_back(option.info);
  }
}

}  // namespace pingap::plugin

// The plugins of a server or location, in the order in which they run. Built on the control thread,
// then immutable; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "observe/plugin_counts.h"
#include "plugin/condition.h"
#include "plugin/kind.h"
#include "plugin/plugin.h"

namespace pingap::plugin {

// A [plugins.NAME] in its running form. The same one in the next snapshot where nothing has changed
// about it, and with it what it knows.
struct Instance {
  config::Plugin source;
  std::vector<std::pair<std::string, std::string>> files;  // it was made of, and their states
  std::vector<Located<std::string>> upstreams;             // that it sends requests to
  const Kind* kind;
  std::shared_ptr<const Plugin> plugin;
  Conditions conditions;
  std::shared_ptr<observe::PluginCounts> counts;  // that of the name, over all configurations
};

struct Use {
  std::shared_ptr<const Instance> instance;
  const Plugin* plugin;  // the instance's
  uint8_t hooks;
  bool conditional;
  Conditions conditions;  // of this use, beside those of the instance

  bool is_for(const exchange::Exchange& x) const noexcept {
    return !conditional || (instance->conditions.hold(x) && conditions.hold(x));
  }
};

class Chain {
 public:
  // More would not fit into the word that says which of them ran.
  static constexpr size_t kMost = 32;

  Chain() = default;
  // In the order of a list; sorts them.
  explicit Chain(std::vector<Use> uses);

  bool empty() const noexcept { return uses_.empty(); }

  const std::vector<Use>& uses() const noexcept { return uses_; }

  // Of each use its plugin, where its request hook is called for every request; else null. Close
  // together, unlike the uses.
  std::span<const Plugin* const> always() const noexcept { return always_; }

  // The hooks that any of them has.
  uint8_t hooks() const noexcept { return hooks_; }

 private:
  std::vector<Use> uses_;
  std::vector<const Plugin*> always_;
  uint8_t hooks_ = 0;
};

}  // namespace pingap::plugin

// [plugins.NAME] in their running form, and the chains of servers and locations. Control thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/diagnostics.h"
#include "config/model.h"
#include "config/reader.h"
#include "plugin/chain.h"
#include "proxy/snapshot.h"

namespace pingap::proxy {

class PluginBuilder {
 public:
  // For `snapshot`, which is being built. A plugin of `before` (null at the start) goes on where
  // nothing has changed about it; else it may hand on what it has counted. What is wrong goes to
  // `diagnostics`: there is no plugin that is left out.
  PluginBuilder(const config::Model& model, config::Diagnostics& diagnostics,
                const Snapshot* before, Snapshot& snapshot);

  // `owner` is "locations.api", for errors.
  plugin::Chain chain(const std::vector<config::PluginUse>& uses, const std::string& owner);

 private:
  void build(const config::Plugin& entry);
  std::shared_ptr<const plugin::Instance> instance_of(const config::Plugin& entry,
                                                      const plugin::Kind& kind);
  std::shared_ptr<const plugin::Instance> find(const config::Located<std::string>& name);
  void report_missing(const config::Located<std::string>& name);
  // `at`: where they are named, if not where the instance says.
  bool check_upstreams(const plugin::Instance& instance,
                       std::optional<config::Position> at = std::nullopt);

  const config::Model& model_;
  config::Reader reader_;
  const Snapshot* before_;
  Snapshot& snapshot_;
  // By name; null = it could not be made, which was said.
  std::unordered_map<std::string, std::shared_ptr<const plugin::Instance>> known_;
};

}  // namespace pingap::proxy

#include "proxy/plugin_builder.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/file_state.h"
#include "config/suggest.h"
#include "plugin/builtin/builtin.h"

namespace pingap::proxy {
namespace {

using config::Located;
using plugin::Instance;
using plugin::Kind;

bool same_files(const Instance& one) {
  return std::ranges::all_of(
      one.files, [](const auto& file) { return file_state(file.first) == file.second; });
}

}  // namespace

PluginBuilder::PluginBuilder(const config::Model& model, config::Diagnostics& diagnostics,
                             const Snapshot* before, Snapshot& snapshot)
    : model_(model), reader_(diagnostics), before_(before), snapshot_(snapshot) {
  for (const config::Plugin& entry : model.plugins) {
    build(entry);
  }
}

void PluginBuilder::build(const config::Plugin& entry) {
  auto& made = known_[entry.name];
  if (entry.type.value.empty()) {
    return;  // the loader has said so
  }
  const Kind* kind = plugin::find_kind(entry.type.value);
  if (kind == nullptr) {
    std::vector<std::string_view> names;
    for (const Kind* one : plugin::kinds()) {
      names.push_back(one->type);
    }
    std::string hint = config::did_you_mean(entry.type.value, names);
    reader_.error(
        entry.type.at,
        {fmt::format("there is no plugin of type {}", config::quote(entry.type.value)),
         hint.empty() ? "one of " + config::join_names(names, names.size()) : "", std::move(hint)});
    return;
  }
  made = instance_of(entry, *kind);
  if (made != nullptr) {
    snapshot_.plugins.push_back(made);
  }
}

std::shared_ptr<const Instance> PluginBuilder::instance_of(const config::Plugin& entry,
                                                           const Kind& kind) {
  const plugin::Plugin* old = nullptr;
  std::shared_ptr<observe::PluginCounts> counts;
  for (size_t i = 0; before_ != nullptr && i < before_->plugins.size(); ++i) {
    const auto& one = before_->plugins[i];
    if (one->source.name != entry.name) {
      continue;
    }
    counts = one->counts;
    if (one->kind == &kind) {
      if (one->source == entry && same_files(*one)) {
        return check_upstreams(*one, entry.at) ? one : nullptr;
      }
      old = one->plugin.get();
    }
  }
  const size_t errors = reader_.diagnostics().errors();
  auto made = std::make_shared<Instance>();
  made->source = entry;
  made->kind = &kind;
  made->counts = counts != nullptr ? std::move(counts)
                                   : std::make_shared<observe::PluginCounts>(snapshot_.workers);
  std::vector<std::string> files;
  made->plugin = kind.make(
      {entry, reader_, old, snapshot_.workers, files, plugin::fetcher(), &made->upstreams});
  made->conditions = plugin::Conditions(entry.conditions, reader_);
  for (std::string& path : files) {
    std::string state = file_state(path);
    made->files.emplace_back(std::move(path), std::move(state));
  }
  check_upstreams(*made);
  return made->plugin == nullptr || reader_.diagnostics().errors() > errors ? nullptr : made;
}

bool PluginBuilder::check_upstreams(const Instance& instance, std::optional<config::Position> at) {
  bool good = true;
  for (const Located<std::string>& name : instance.upstreams) {
    if (model_.find_upstream(name.value) == nullptr) {
      std::vector<std::string_view> names;
      names.reserve(model_.upstreams.size());
      for (const config::Upstream& one : model_.upstreams) {
        names.push_back(one.name);
      }
      reader_.error(at.value_or(name.at),
                    {fmt::format("there is no [upstreams.{}]", config::plain(name.value)),
                     names.empty() ? "" : "one of " + config::join_names(names, 10),
                     config::did_you_mean(name.value, names)});
      good = false;
    }
  }
  return good;
}

void PluginBuilder::report_missing(const Located<std::string>& name) {
  std::vector<std::string_view> names;
  names.reserve(model_.plugins.size() + plugin::predefined().size());
  for (const config::Plugin& entry : model_.plugins) {
    names.push_back(entry.name);
  }
  for (const plugin::Predefined& one : plugin::predefined()) {
    names.push_back(one.name);
  }
  std::string hint = config::did_you_mean(name.value, names);
  reader_.error(name.at,
                {fmt::format("there is no [plugins.{}]", config::plain(name.value)),
                 hint.empty() ? "one of " + config::join_names(names, 10) : "", std::move(hint)});
}

std::shared_ptr<const Instance> PluginBuilder::find(const Located<std::string>& name) {
  if (const auto known = known_.find(name.value); known != known_.end()) {
    return known->second;
  }
  const auto all = plugin::predefined();
  const auto found = std::ranges::find(all, name.value, &plugin::Predefined::name);
  if (found == all.end()) {
    report_missing(name);
    return nullptr;
  }
  config::Plugin entry;
  entry.name = name.value;
  entry.at = name.at;
  entry.type = {std::string(found->type), name.at};
  build(entry);
  return known_[name.value];
}

plugin::Chain PluginBuilder::chain(const std::vector<config::PluginUse>& uses,
                                   const std::string& owner) {
  std::vector<plugin::Use> made;
  for (const config::PluginUse& use : uses) {
    auto instance = find(use.name);
    if (instance == nullptr) {
      continue;
    }
    if (made.size() == plugin::Chain::kMost) {
      reader_.error(use.name.at, {fmt::format("[{}] has too many plugins", owner),
                                  fmt::format("at most {}", plugin::Chain::kMost),
                                  {}});
      break;
    }
    plugin::Conditions conditions(use.conditions, reader_);
    const bool conditional = !conditions.empty() || !instance->conditions.empty();
    const plugin::Plugin* plugin = instance->plugin.get();
    made.push_back(
        {std::move(instance), plugin, plugin->hooks(), conditional, std::move(conditions)});
  }
  return plugin::Chain(std::move(made));
}

}  // namespace pingap::proxy

#include "config/changes.h"

#include <string_view>
#include <unordered_map>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace pingap::config {
namespace {

template <class Entry>
using Index = std::unordered_map<std::string_view, const Entry*>;

template <class Entry>
Index<Entry> index_of(const std::vector<Entry>& all) {
  Index<Entry> index;
  for (const Entry& one : all) {
    index.emplace(one.name, &one);
  }
  return index;
}

void add(std::vector<std::string>& to, std::string_view how,
         const std::vector<std::string>& names) {
  if (!names.empty()) {
    to.push_back(fmt::format("{}: {}", how, fmt::join(names, ", ")));
  }
}

template <class Entry>
void compare(std::string_view kind, const std::vector<Entry>& before,
             const std::vector<Entry>& after, std::vector<std::string>& to) {
  std::vector<std::string> added;
  std::vector<std::string> changed;
  std::vector<std::string> gone;
  const Index<Entry> old = index_of(before);
  const Index<Entry> now = index_of(after);
  for (const Entry& one : after) {
    const auto known = old.find(one.name);
    if (known == old.end()) {
      added.push_back(one.name);
    } else if (!(*known->second == one)) {
      changed.push_back(one.name);
    }
  }
  for (const Entry& one : before) {
    if (!now.contains(one.name)) {
      gone.push_back(one.name);
    }
  }
  std::vector<std::string> parts;
  add(parts, "new", added);
  add(parts, "changed", changed);
  add(parts, "gone", gone);
  if (!parts.empty()) {
    to.push_back(fmt::format("{} {}", kind, fmt::join(parts, ", ")));
  }
}

}  // namespace

std::string changes(const Model& before, const Model& after) {
  std::vector<std::string> parts;
  if (!(before.basic == after.basic)) {
    parts.emplace_back("basic changed");
  }
  compare("servers", before.servers, after.servers, parts);
  compare("locations", before.locations, after.locations, parts);
  compare("upstreams", before.upstreams, after.upstreams, parts);
  compare("certificates", before.certificates, after.certificates, parts);
  compare("plugins", before.plugins, after.plugins, parts);
  if (!(before.metrics == after.metrics)) {
    parts.emplace_back("metrics changed");
  }
  if (!(before.logging == after.logging)) {
    parts.emplace_back("logging changed");
  }
  if (!(before.tracing == after.tracing)) {
    parts.emplace_back("tracing changed");
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

std::string keys_for_restart(const Basic& before, const Basic& after) {
  std::vector<std::string_view> keys;
  const auto compare = [&](std::string_view key, bool same) {
    if (!same) {
      keys.push_back(key);
    }
  };
  compare("threads", before.threads == after.threads);
  compare("user", before.user == after.user);
  compare("group", before.group == after.group);
  compare("pid_file", before.pid_file == after.pid_file);
  compare("upgrade_sock", before.upgrade_sock == after.upgrade_sock);
  compare("buffer_budget", before.buffer_budget == after.buffer_budget);
  return fmt::format("{}", fmt::join(keys, ", "));
}

}  // namespace pingap::config

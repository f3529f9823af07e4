#include "config/model.h"

#include <algorithm>

#include "config/value_tree.h"

namespace pingap::config {
namespace {

template <class Entry>
const Entry* find(const std::vector<Entry>& entries, const NameIndex& index,
                  std::string_view name) noexcept {
  if (index.size() == entries.size()) {
    const auto it = index.find(name);
    return it == index.end() ? nullptr : &entries[it->second];
  }
  const auto it = std::ranges::find(entries, name, &Entry::name);
  return it == entries.end() ? nullptr : &*it;
}

template <class Entry>
NameIndex make_index(const std::vector<Entry>& entries) {
  NameIndex index;
  for (size_t i = 0; i < entries.size(); ++i) {
    index.emplace(entries[i].name, i);
  }
  return index;
}

}  // namespace

bool Plugin::operator==(const Plugin& other) const {
  return name == other.name && type == other.type && priority == other.priority &&
         conditions == other.conditions && same_values(options, other.options);
}

const Upstream* Model::find_upstream(std::string_view name) const noexcept {
  return find(upstreams, upstream_index, name);
}

const Location* Model::find_location(std::string_view name) const noexcept {
  return find(locations, location_index, name);
}

void Model::build_index() {
  upstream_index = make_index(upstreams);
  location_index = make_index(locations);
}

}  // namespace pingap::config

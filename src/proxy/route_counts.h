// By what the requests of a server's locations are counted: what was there before, so that a reload
// loses nothing. Control thread, while a snapshot is built.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "proxy/snapshot.h"

namespace pingap::proxy {

// Locations beyond these are counted together: nobody could read a scrape of more.
inline constexpr size_t kMostCounted = 10'000;

// Null where there is none of that name. `snapshot` may be null.
const Site* find_site(const Snapshot* snapshot, std::string_view name) noexcept;

class RouteCounts {
 public:
  // Of `site`, which is being built, and of `before` (null: none); `counted` are those of all
  // sites, and grows.
  RouteCounts(const Snapshot* before, const Site& site, uint32_t workers, size_t& counted);

  // Null where nothing is counted. The names of locations are those of the configuration.
  std::shared_ptr<observe::RequestCounts> find(const std::string& location);

 private:
  const Site& site_;
  const uint32_t workers_;
  size_t& counted_;
  std::unordered_map<std::string_view, std::shared_ptr<observe::RequestCounts>> known_;
};

}  // namespace pingap::proxy

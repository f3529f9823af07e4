// Chooses the location of a request. The order of locations: docs/routing.md.
//
// Every route (a location with one of its hosts) has a rank, its place in the total order, given at
// build time. match() looks for the lowest rank that takes the request: the host's routes first,
// and others only where they hold a lower rank than what was found. Built on the control thread,
// then immutable and shared by all workers.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/regex.h"
#include "config/model.h"
#include "http/uri.h"
#include "route/conditions.h"
#include "route/path_index.h"
#include "route/route.h"

namespace pingap::route {

// A location as match() saw it, for `pingap route explain`.
struct Considered {
  size_t location;     // its index
  bool matched;        // it takes the request; the first that does is chosen
  std::string reason;  // why, or why not
};

class Router {
 public:
  // `locations` in the order of their declaration; nothing of them is kept by reference. `options`
  // are those that the requests' targets are canonicalised with. All errors are returned.
  static tl::expected<Router, std::vector<BuildError>> build(
      std::span<const config::Location* const> locations, const http::UriOptions& options);

  // The index of the location that takes the request, -1 when none does. Allocates nothing, but
  // where more than a handful of regexes are tried at once.
  int match(const MatchInput& input) const noexcept;

  // All locations in the order in which they are tried.
  std::vector<Considered> explain(const MatchInput& input) const;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  struct Location {
    std::string name;
    Conditions conditions;
    uint32_t regex;  // of its path in path_regexes_, or kNone
  };

  struct Target {  // by rank
    uint32_t location;
    const Conditions* conditions;  // null = none; in locations_
  };

  struct RegexRoute {
    uint32_t rank;
    uint32_t regex;
  };

  // All routes with the same host.
  struct Host {
    HostPattern pattern;
    uint32_t min_rank = kNone;
    uint32_t min_regex_rank = kNone;
    std::vector<RegexRoute> regexes;  // by rank
    std::unique_ptr<RegexSet> set;    // of the same, where there are many
  };
  struct Search;
  class Builder;

  Router() = default;

  void search_host(uint32_t host, Search& search) const noexcept;
  void search_regexes(const Host& host, Search& search) const noexcept;
  void search_set(const Host& host, Search& search) const noexcept;
  void search_wildcards(Search& search) const noexcept;
  void search_host_regexes(Search& search) const noexcept;
  bool takes(uint32_t rank, const MatchInput& input) const noexcept;

  bool host_leads(const Route& route, std::string_view host) const noexcept;
  bool path_leads(const Route& route, std::string_view path) const noexcept;
  Considered consider(std::span<const uint32_t> ranks, const MatchInput& input) const;

  std::vector<Location> locations_;
  std::vector<Route> routes_;    // by rank; for explain()
  std::vector<Target> targets_;  // by rank
  std::vector<Host> hosts_;
  TextTable exact_hosts_;  // -> index in hosts_
  TextTable wildcards_;    // ".a.com" -> index in hosts_
  std::vector<bool> wildcard_lengths_;
  std::vector<uint32_t> host_regexes_;        // indexes in hosts_, by min_rank
  std::vector<Regex> compiled_host_regexes_;  // beside host_regexes_
  uint32_t any_host_ = kNone;                 // in hosts_
  PathIndex paths_;
  std::vector<Regex> path_regexes_;
};

}  // namespace pingap::route

// `pingap route explain`: judges every location one by one, in plain words and without any index.
// Tests hold match() to it. Control thread.
#include <algorithm>

#include <fmt/core.h>

#include "route/path.h"
#include "route/router.h"

namespace pingap::route {
namespace {

std::string_view name_of(HostKind kind) noexcept {
  switch (kind) {
    case HostKind::exact:
      return "exact";
    case HostKind::wildcard:
      return "wildcard";
    case HostKind::regex:
      return "regex";
    case HostKind::none:
      return "any";
  }
  return {};
}

std::string_view name_of(PathKind kind) noexcept {
  switch (kind) {
    case PathKind::exact:
      return "exact";
    case PathKind::prefix:
      return "prefix";
    case PathKind::regex:
      return "regex";
    case PathKind::any:
      return "any";
  }
  return {};
}

std::string why_not(const PathPattern& pattern, std::string_view path) {
  switch (pattern.kind) {
    case PathKind::exact:
      return fmt::format("path `{}` is not `{}`", path, pattern.text);
    case PathKind::prefix:
      return pattern.text.ends_with('/')
                 ? fmt::format("path `{}` is not below `{}`", path, pattern.text)
                 : fmt::format("path `{}` is neither `{}` nor below it", path, pattern.text);
    case PathKind::regex:
      return fmt::format("path `{}` does not match `{}`", path, pattern.text);
    case PathKind::any:
      return {};
  }
  return {};
}

std::string describe(const Route& route) {
  std::string text = "host ";
  text += route.host.kind == HostKind::none
              ? "any"
              : fmt::format("`{}` ({})", to_string(route.host), name_of(route.host.kind));
  text += route.path.kind == PathKind::any
              ? ", path any"
              : fmt::format(", path `{}` ({})", route.path.text, name_of(route.path.kind));
  if (route.conditions > 0) {
    text += fmt::format(", {} condition{}", route.conditions, route.conditions == 1 ? "" : "s");
  }
  return text + fmt::format(", priority {}", route.priority);
}

}  // namespace

bool Router::host_leads(const Route& route, std::string_view host) const noexcept {
  switch (route.host.kind) {
    case HostKind::exact:
      return host == route.host.text;
    case HostKind::wildcard:
      return host.size() > route.host.text.size() && host.ends_with(route.host.text);
    case HostKind::regex:
      for (size_t i = 0; i < host_regexes_.size(); ++i) {
        if (hosts_[host_regexes_[i]].pattern.text == route.host.text) {
          return compiled_host_regexes_[i].matches(host);
        }
      }
      return false;
    case HostKind::none:
      return true;
  }
  return false;
}

bool Router::path_leads(const Route& route, std::string_view path) const noexcept {
  switch (route.path.kind) {
    case PathKind::exact:
      return path == route.path.text;
    case PathKind::prefix:
      return is_path_prefix(route.path.text, path);
    case PathKind::regex:
      return path_regexes_[locations_[route.location].regex].matches(path);
    case PathKind::any:
      return true;
  }
  return false;
}

// `ranks` are those of one location, ascending.
Considered Router::consider(std::span<const uint32_t> ranks, const MatchInput& input) const {
  const Route* route = nullptr;
  std::string hosts;
  for (const uint32_t rank : ranks) {
    const Route& candidate = routes_[rank];
    if (host_leads(candidate, input.host)) {
      route = &candidate;
      break;
    }
    hosts += (hosts.empty() ? "`" : ", `") + to_string(candidate.host) + "`";
  }
  const size_t location = routes_[ranks.front()].location;
  if (route == nullptr) {
    return {
        location, false,
        fmt::format("host `{}` is not {}{}", input.host, ranks.size() > 1 ? "one of " : "", hosts)};
  }
  if (!path_leads(*route, input.path)) {
    return {location, false, why_not(route->path, input.path)};
  }
  std::string condition = locations_[location].conditions.explain(input);
  if (!condition.empty()) {
    return {location, false, std::move(condition)};
  }
  return {location, true, describe(*route)};
}

std::vector<Considered> Router::explain(const MatchInput& input) const {
  std::vector<std::vector<uint32_t>> ranks(locations_.size());
  for (uint32_t rank = 0; rank < routes_.size(); ++rank) {
    ranks[routes_[rank].location].push_back(rank);
  }
  // The place of a location is that of the route that leads to the request's host.
  std::vector<uint32_t> places;
  for (std::vector<uint32_t>& of_location : ranks) {
    const auto leading = std::find_if(of_location.begin(), of_location.end(), [&](uint32_t rank) {
      return host_leads(routes_[rank], input.host);
    });
    places.push_back(leading == of_location.end() ? of_location.front() : *leading);
  }
  std::sort(places.begin(), places.end());
  std::vector<Considered> all;
  const Route* chosen = nullptr;
  for (const uint32_t place : places) {
    const Route& route = routes_[place];
    Considered considered = consider(ranks[route.location], input);
    if (considered.matched && chosen != nullptr) {
      considered.reason +=
          fmt::format("; but `{}` goes before: {}", locations_[chosen->location].name,
                      why_before(*chosen, route));
    }
    if (considered.matched && chosen == nullptr) {
      chosen = &route;
    }
    all.push_back(std::move(considered));
  }
  return all;
}

}  // namespace pingap::route

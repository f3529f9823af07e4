// Builds a Router from locations. Control thread.
#include <algorithm>
#include <map>
#include <utility>

#include "route/router.h"

namespace pingap::route {
namespace {

// From how many regexes on a host's are searched for in one pass. A few, one after the other, cost
// less and allocate nothing.
constexpr size_t kSetFrom = 8;

}  // namespace

class Router::Builder {
 public:
  Builder(std::span<const config::Location* const> locations, const http::UriOptions& options)
      : sources_(locations), options_(options) {}

  tl::expected<Router, std::vector<BuildError>> build() {
    for (size_t i = 0; i < sources_.size(); ++i) {
      add_location(i);
    }
    if (!errors_.empty()) {
      return tl::unexpected(std::move(errors_));
    }
    std::sort(router_.routes_.begin(), router_.routes_.end(), goes_before);
    for (size_t rank = 0; rank < router_.routes_.size(); ++rank) {
      add_route(static_cast<uint32_t>(rank));
    }
    router_.paths_ = PathIndex(router_.hosts_.size(), keys_);
    finish_hosts();
    if (!errors_.empty()) {
      return tl::unexpected(std::move(errors_));
    }
    return std::move(router_);
  }

 private:
  void fail(size_t location, config::Position at, std::string what) {
    errors_.push_back({location, at, std::move(what)});
  }

  void add_location(size_t index) {
    const config::Location& source = *sources_[index];
    Location& location =
        router_.locations_.emplace_back(Location{source.name, Conditions(source), kNone});
    auto path = parse_path(source, options_);
    if (!path) {
      fail(index, source.path.at, std::move(path.error()));
      return;
    }
    if (path->kind == PathKind::regex) {
      location.regex = static_cast<uint32_t>(router_.path_regexes_.size());
      router_.path_regexes_.push_back(std::move(*Regex::create(path->text)));
    }
    Route route{static_cast<uint32_t>(index),
                source.priority,
                {},
                std::move(*path),
                static_cast<uint32_t>(location.conditions.size())};
    if (source.hosts.empty()) {
      router_.routes_.push_back(std::move(route));
      return;
    }
    for (const auto& text : source.hosts) {
      auto host = parse_host(text.value);
      if (!host) {
        fail(index, text.at, std::move(host.error()));
        continue;
      }
      route.host = std::move(*host);
      router_.routes_.push_back(route);
    }
  }

  void add_route(uint32_t rank) {
    const Route& route = router_.routes_[rank];
    const Location& location = router_.locations_[route.location];
    const bool conditional = route.conditions > 0;
    router_.targets_.push_back({route.location, conditional ? &location.conditions : nullptr});
    const uint32_t number = host_of(route.host);
    Host& host = router_.hosts_[number];
    host.min_rank = std::min(host.min_rank, rank);
    if (route.path.kind == PathKind::regex) {
      host.min_regex_rank = std::min(host.min_regex_rank, rank);
      host.regexes.push_back({rank, location.regex});
      return;
    }
    keys_.push_back(
        {number, route.path.text, route.path.kind != PathKind::exact, rank, conditional});
  }

  uint32_t host_of(const HostPattern& pattern) {
    const auto [found, added] = hosts_.try_emplace({pattern.kind, pattern.text},
                                                   static_cast<uint32_t>(router_.hosts_.size()));
    if (added) {
      router_.hosts_.push_back(Host{.pattern = pattern, .regexes = {}, .set = nullptr});
    }
    return found->second;
  }

  void finish_hosts() {
    for (uint32_t i = 0; i < router_.hosts_.size(); ++i) {
      Host& host = router_.hosts_[i];
      add_to_lookup(i, host);
      if (host.regexes.size() >= kSetFrom) {
        make_set(host);
      }
    }
  }

  // The hosts come in the order of their lowest rank, so host_regexes_ is sorted by it.
  void add_to_lookup(uint32_t number, const Host& host) {
    const std::string& text = host.pattern.text;
    switch (host.pattern.kind) {
      case HostKind::exact:
        router_.exact_hosts_.add(0, text, number);
        return;
      case HostKind::wildcard:
        router_.wildcards_.add(0, text, number);
        router_.wildcard_lengths_.resize(
            std::max(router_.wildcard_lengths_.size(), text.size() + 1));
        router_.wildcard_lengths_[text.size()] = true;
        return;
      case HostKind::regex:
        router_.host_regexes_.push_back(number);
        router_.compiled_host_regexes_.push_back(std::move(*compile_host(text)));
        return;
      case HostKind::none:
        router_.any_host_ = number;
        return;
    }
  }

  void make_set(Host& host) {
    host.set = std::make_unique<RegexSet>();
    for (const RegexRoute& route : host.regexes) {
      if (!host.set->add(router_.path_regexes_[route.regex].pattern())) {
        host.set.reset();
        return;
      }
    }
    // Too large together: then one after the other.
    if (!host.set->compile()) {
      host.set.reset();
    }
  }

  std::span<const config::Location* const> sources_;
  http::UriOptions options_;
  Router router_;
  std::map<std::pair<HostKind, std::string>, uint32_t> hosts_;
  std::vector<PathIndex::Key> keys_;
  std::vector<BuildError> errors_;
};

tl::expected<Router, std::vector<BuildError>> Router::build(
    std::span<const config::Location* const> locations, const http::UriOptions& options) {
  return Builder(locations, options).build();
}

}  // namespace pingap::route

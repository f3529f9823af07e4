#include "route/router.h"

namespace pingap::route {

struct Router::Search {
  const MatchInput& input;
  uint32_t best = kNone;  // the lowest rank found so far
};

bool Router::takes(uint32_t rank, const MatchInput& input) const noexcept {
  const Conditions* conditions = targets_[rank].conditions;
  return conditions == nullptr || conditions->hold(input);
}

int Router::match(const MatchInput& input) const noexcept {
  Search search{input};
  if (!exact_hosts_.empty()) {
    const uint32_t host = exact_hosts_.find(0, input.host);
    if (host != TextTable::kNone) {
      search_host(host, search);
    }
  }
  if (!wildcards_.empty()) {
    search_wildcards(search);
  }
  if (!host_regexes_.empty()) {
    search_host_regexes(search);
  }
  if (any_host_ != kNone) {
    search_host(any_host_, search);
  }
  return search.best == kNone ? -1 : static_cast<int>(targets_[search.best].location);
}

void Router::search_host(uint32_t host, Search& search) const noexcept {
  const Host& entry = hosts_[host];
  if (entry.min_rank >= search.best) {
    return;
  }
  uint32_t index = paths_.find(host, search.input.path);
  while (index != PathIndex::kNone) {
    const PathIndex::List& list = paths_.list(index);
    if (list.min_rank >= search.best) {
      break;
    }
    for (const uint32_t rank : paths_.ranks(list)) {
      if (rank >= search.best) {
        break;
      }
      if (takes(rank, search.input)) {
        search.best = rank;
        break;
      }
    }
    index = list.next;
  }
  if (entry.min_regex_rank < search.best) {
    search_regexes(entry, search);
  }
}

void Router::search_regexes(const Host& host, Search& search) const noexcept {
  if (host.set != nullptr) {
    search_set(host, search);
    return;
  }
  for (const RegexRoute& route : host.regexes) {
    if (route.rank >= search.best) {
      return;
    }
    if (takes(route.rank, search.input) && path_regexes_[route.regex].matches(search.input.path)) {
      search.best = route.rank;
      return;
    }
  }
}

void Router::search_set(const Host& host, Search& search) const noexcept {
  thread_local std::vector<int> candidates;
  if (!host.set->match(search.input.path, candidates)) {
    return;
  }
  for (const int candidate : candidates) {  // ascending, as are the ranks
    const RegexRoute& route = host.regexes[static_cast<size_t>(candidate)];
    if (route.rank >= search.best) {
      return;
    }
    // Asked once more: a set that ran out of memory names them all.
    if (takes(route.rank, search.input) && path_regexes_[route.regex].matches(search.input.path)) {
      search.best = route.rank;
      return;
    }
  }
}

// The number of lookups is bound by that of the lengths that wildcards have.
void Router::search_wildcards(Search& search) const noexcept {
  const std::string_view host = search.input.host;
  // At least one byte before the dot: a wildcard stands for one label or more.
  for (size_t dot = host.find('.', 1); dot != std::string_view::npos;
       dot = host.find('.', dot + 1)) {
    const std::string_view suffix = host.substr(dot);
    if (suffix.size() < wildcard_lengths_.size() && wildcard_lengths_[suffix.size()]) {
      const uint32_t found = wildcards_.find(0, suffix);
      if (found != TextTable::kNone) {
        search_host(found, search);
      }
    }
  }
}

void Router::search_host_regexes(Search& search) const noexcept {
  for (size_t i = 0; i < host_regexes_.size(); ++i) {
    const uint32_t host = host_regexes_[i];
    if (hosts_[host].min_rank >= search.best) {
      return;
    }
    if (compiled_host_regexes_[i].matches(search.input.host)) {
      search_host(host, search);
    }
  }
}

}  // namespace pingap::route

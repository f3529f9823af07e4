#include "cli/top_view.h"

#include <algorithm>
#include <tuple>

namespace pingap::cli {
namespace {

class Rates {
 public:
  explicit Rates(double seconds) noexcept : seconds_(seconds) {}

  double operator()(double before, double now) const noexcept {
    return seconds_ > 0 ? std::max(now - before, 0.0) / seconds_ : 0;
  }

 private:
  double seconds_;
};

Buckets difference(const Buckets& before, const Buckets& now) noexcept {
  Buckets more{};
  for (size_t i = 0; i < more.size(); ++i) {
    more[i] = std::max(now[i] - before[i], 0.0);
  }
  return more;
}

LocationRow row_of(const Counts::Name& name, const LocationCounts& before,
                   const LocationCounts& now, const Rates& rate) {
  LocationRow row;
  row.server = name.first;
  row.location = name.second;
  row.requests = rate(before.requests, now.requests);
  row.client_errors = rate(before.client_errors, now.client_errors);
  row.server_errors = rate(before.server_errors, now.server_errors);
  row.broken = rate(before.broken, now.broken);
  row.bytes_in = rate(before.bytes_in, now.bytes_in);
  row.bytes_out = rate(before.bytes_out, now.bytes_out);
  const Buckets durations = difference(before.durations, now.durations);
  row.p50 = quantile(durations, 0.5);
  row.p99 = quantile(durations, 0.99);
  row.total = now.requests;
  return row;
}

void add(LocationCounts& sum, const LocationCounts& one) noexcept {
  sum.requests += one.requests;
  sum.client_errors += one.client_errors;
  sum.server_errors += one.server_errors;
  sum.broken += one.broken;
  sum.bytes_in += one.bytes_in;
  sum.bytes_out += one.bytes_out;
  for (size_t i = 0; i < sum.durations.size(); ++i) {
    sum.durations[i] += one.durations[i];
  }
}

template <class Of>
Of value_or_none(const std::map<Counts::Name, Of>& all, const Counts::Name& name) {
  const auto found = all.find(name);
  return found == all.end() ? Of{} : found->second;
}

using Rank = std::tuple<double, double, double>;

// What is greater stands higher.
Rank rank_of(const LocationRow& row, TopSort by) noexcept {
  switch (by) {
    case TopSort::requests:
      return {row.requests, 0, 0};
    case TopSort::errors:
      return {row.server_errors, row.broken, row.client_errors};
    case TopSort::slowest:
      return {row.p99 ? row.p99->seconds : -1, 0, 0};
    case TopSort::name:
      break;
  }
  return {};
}

double rank_of(const BackendRow& row, TopSort by) noexcept {
  switch (by) {
    case TopSort::requests:
    case TopSort::slowest:  // times of one server are not known
      return row.tries;
    case TopSort::errors:
      return row.failed + row.server_errors;
    case TopSort::name:
      break;
  }
  return 0;
}

}  // namespace

std::optional<Quantile> quantile(const Buckets& buckets, double part) noexcept {
  double all = 0;
  for (const double bucket : buckets) {
    all += bucket;
  }
  if (all <= 0) {
    return std::nullopt;
  }
  double rank = part * all;
  size_t at = 0;
  while (at + 1 < buckets.size() && rank > buckets[at]) {
    rank -= buckets[at];
    ++at;
  }
  const auto bound = [](size_t bucket) {
    return static_cast<double>(observe::kBounds[bucket]) / 1e6;
  };
  if (at == 0) {
    return Quantile{bound(0), Quantile::Bound::below};
  }
  if (at == observe::kBounds.size()) {
    return Quantile{bound(at - 1), Quantile::Bound::above};
  }
  const double low = bound(at - 1);
  return Quantile{low + (bound(at) - low) * rank / buckets[at], Quantile::Bound::about};
}

TopView compare(const Counts& before, const Counts& now, double seconds, double wall) {
  const Rates rate(seconds);
  TopView view;
  view.process = now.process;
  view.uptime = std::max(wall - now.process.started, 0.0);
  view.seconds = seconds;
  view.cpu = rate(before.process.cpu_seconds, now.process.cpu_seconds);
  LocationCounts all_before;
  LocationCounts all_now;
  view.locations.reserve(now.locations.size());
  for (const auto& [name, counts] : now.locations) {
    const LocationCounts was = value_or_none(before.locations, name);
    view.locations.push_back(row_of(name, was, counts, rate));
    add(all_before, was);
    add(all_now, counts);
  }
  view.all = row_of({}, all_before, all_now, rate);
  view.backends.reserve(now.backends.size());
  for (const auto& [name, counts] : now.backends) {
    const BackendCounts was = value_or_none(before.backends, name);
    view.backends.push_back({name.first, name.second, counts, rate(was.tries, counts.tries),
                             rate(was.failed, counts.failed),
                             rate(was.server_errors, counts.server_errors),
                             rate(was.retries, counts.retries)});
  }
  return view;
}

// What is alike is in the order of names, so that rows do not jump about.
void sort_rows(TopView& view, TopSort by) {
  std::ranges::sort(view.locations, [by](const LocationRow& a, const LocationRow& b) {
    const auto left = rank_of(a, by);
    const auto right = rank_of(b, by);
    return left != right ? left > right
                         : std::tie(a.server, a.location) < std::tie(b.server, b.location);
  });
  std::ranges::sort(view.backends, [by](const BackendRow& a, const BackendRow& b) {
    const double left = rank_of(a, by);
    const double right = rank_of(b, by);
    return left != right ? left > right
                         : std::tie(a.upstream, a.server) < std::tie(b.upstream, b.server);
  });
}

}  // namespace pingap::cli

#include "control/upstream_orders.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/log.h"
#include "config/schema.h"
#include "control/lines.h"

namespace pingap::control {
namespace {

using proxy::LiveUpstreams;
using Reports = std::vector<LiveUpstreams::ServerReport>;

// More names than these are not told.
constexpr size_t kTold = 20;

Answer refuse(const std::string& what) {
  return {ExitCode::usage, fmt::format("pingap: {}\n", what)};
}

std::string line_of(const LiveUpstreams::ServerReport& one) {
  const upstream::ServerTotals& totals = one.totals;
  uint64_t open = totals.opened;
  for (const uint64_t closed : totals.closed) {
    open -= std::min(open, closed);
  }
  return fmt::format(
      "{} {} {}, weight {}, priority {}, {} requests under way, {} connections, {} of them idle\n",
      one.upstream, one.server, one.state, one.weight, one.priority,
      totals.requests - std::min(totals.requests, totals.ended), open, totals.idle);
}

std::string names(std::vector<std::string> all) {
  std::ranges::sort(all);
  all.erase(std::ranges::unique(all).begin(), all.end());
  if (all.size() > kTold) {
    const size_t more = all.size() - kTold;
    all.resize(kTold);
    all.push_back(fmt::format("and {} more", more));
  }
  return all.empty() ? "none" : fmt::format("{}", fmt::join(all, ", "));
}

// Who is meant is not there.
Answer refuse_unknown(std::string_view upstream, std::string_view server, const Reports& reports) {
  std::vector<std::string> upstreams;
  std::vector<std::string> servers;
  for (const auto& one : reports) {
    upstreams.push_back(one.upstream);
    if (one.upstream == upstream) {
      servers.push_back(one.server);
    }
  }
  return servers.empty() ? refuse(fmt::format("no upstream `{}` with servers; there are: {}",
                                              upstream, names(std::move(upstreams))))
                         : refuse(fmt::format("upstream `{}` has no server `{}`; it has: {}",
                                              upstream, server, names(std::move(servers))));
}

std::optional<LiveUpstreams::Order> order_of(std::string_view word) noexcept {
  using Order = LiveUpstreams::Order;
  if (word == "enable") {
    return Order::enable;
  }
  if (word == "drain") {
    return Order::drain;
  }
  return word == "disable" ? std::optional(Order::disable) : std::nullopt;
}

}  // namespace

Answer order_upstream(const Command& command, const std::string& author, LiveUpstreams& upstreams) {
  const std::string_view upstream = command.field("upstream");
  const std::string_view server = command.field("server");
  const std::string_view word = command.field("order");
  if (word.empty()) {
    std::string text;
    for (const auto& one : upstreams.report()) {
      text += line_of(one);
    }
    return {ExitCode::ok, text.empty() ? "no upstream has servers\n" : text};
  }
  bool done = false;
  if (word == "weight") {
    const auto weight = number_of(command.field("weight"));
    if (!weight || *weight > static_cast<uint64_t>(config::kWeights.max)) {
      return refuse(fmt::format("`{}` is no weight; one is a number from 0 to {}",
                                command.field("weight"), config::kWeights.max));
    }
    done = upstreams.set_weight(upstream, server, static_cast<uint32_t>(*weight));
  } else if (const auto order = order_of(word)) {
    done = upstreams.set(upstream, server, *order);
  } else {
    return refuse(fmt::format("`{}` is no order; one of enable, drain, disable, weight", word));
  }
  const Reports reports = upstreams.report();
  const auto now = std::ranges::find_if(
      reports, [&](const auto& one) { return one.upstream == upstream && one.server == server; });
  if (!done || now == reports.end()) {
    return refuse_unknown(upstream, server, reports);
  }
  PINGAP_LOG(info, "upstream {}: {} is {}, weight {}: told by {}", upstream, server, now->state,
             now->weight, author);
  return {ExitCode::ok, line_of(*now) + "until the process ends, by a restart or an upgrade\n"};
}

}  // namespace pingap::control

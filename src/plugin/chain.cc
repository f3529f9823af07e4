#include "plugin/chain.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <tuple>

namespace pingap::plugin {

std::string_view to_string(Phase phase) noexcept {
  constexpr std::array<std::string_view, 7> kNames = {"identify", "guard",     "limit",  "auth",
                                                      "traffic",  "transform", "content"};
  return kNames[static_cast<size_t>(phase)];
}

Chain::Chain(std::vector<Use> uses) {
  std::vector<size_t> order(uses.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, {}, [&](size_t i) {
    const Instance& one = *uses[i].instance;
    return std::tuple(one.kind->phase, -one.source.priority, i);
  });
  for (const size_t i : order) {
    const Use& use = uses[i];
    hooks_ |= use.hooks;
    const bool always = (use.hooks & Plugin::kRequest) != 0 && !use.conditional;
    always_.push_back(always ? use.plugin : nullptr);
    uses_.push_back(std::move(uses[i]));
  }
}

}  // namespace pingap::plugin

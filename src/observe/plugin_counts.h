// What is counted of a [plugins.NAME]: each worker a cell of its own. Handed on from one
// configuration to the next.
#pragma once

#include <array>

#include "base/error.h"
#include "observe/count.h"
#include "observe/per_worker.h"

namespace pingap::observe {

using PluginTotals = std::array<uint64_t, static_cast<size_t>(ErrorCode::count_)>;

// Requests that it has refused, by the reason.
class PluginCounts : public PerWorker<std::array<Count, std::tuple_size_v<PluginTotals>>> {
 public:
  using PerWorker::PerWorker;

  // Worker `index`, which calls.
  void add(uint32_t index, ErrorCode why) noexcept { of(index)[static_cast<size_t>(why)].add(); }

  // Any thread.
  PluginTotals totals() const noexcept {
    PluginTotals sum{};
    for_each([&](const auto& cell) {
      for (size_t i = 0; i < sum.size(); ++i) {
        sum[i] += cell[i].get();
      }
    });
    return sum;
  }
};

}  // namespace pingap::observe

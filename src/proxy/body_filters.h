// The body filters of the plugins of a request, one behind the other. Worker; part of what has the
// body go through them.
#pragma once

#include <cstdint>
#include <vector>

#include "base/byte_queue.h"
#include "base/error.h"
#include "exchange/exchange.h"
#include "plugin/body_filter.h"
#include "plugin/chain.h"

namespace pingap::proxy {

class BodyFilters {
 public:
  BodyFilters() = default;

  // Of a request of worker `worker`; it outlives this.
  BodyFilters(exchange::Exchange& x, uint32_t worker) noexcept : x_(&x), worker_(worker) {}

  // Behind those that are there. Both outlive this.
  void add(plugin::BodyFilter& filter, const plugin::Instance& of) {
    filters_.push_back({&filter, &of});
  }

  void reverse() noexcept;

  bool empty() const noexcept { return filters_.empty(); }

  // Whether a body stays as long as it was announced.
  bool keep_length() const noexcept;

  // `data` becomes what all of them make of it. An error is counted as a refusal of the plugin
  // whose filter it is, which the record then names; nothing may come any more.
  Result<> run(ByteQueue& data, End end) noexcept;

 private:
  struct One {
    plugin::BodyFilter* filter;
    const plugin::Instance* of;
  };

  std::vector<One> filters_;
  exchange::Exchange* x_ = nullptr;  // null where there are no filters
  uint32_t worker_ = 0;
};

}  // namespace pingap::proxy

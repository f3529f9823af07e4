// The body filters of the plugins of a request, one behind the other. Worker; part of what has the
// body go through them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/byte_queue.h"
#include "base/error.h"
#include "plugin/body_filter.h"
#include "plugin/chain.h"

namespace pingap::proxy {

class BodyFilters {
 public:
  BodyFilters() = default;

  // Of worker `worker`.
  explicit BodyFilters(uint32_t worker) noexcept : worker_(worker) {}

  // Behind those that are there. Both outlive this.
  void add(plugin::BodyFilter& filter, const plugin::Instance& of) {
    filters_.push_back({&filter, &of});
  }

  void reverse() noexcept;

  bool empty() const noexcept { return filters_.empty(); }

  // Whether a body stays as long as it was announced.
  bool keep_length() const noexcept;

  // `data` becomes what all of them make of it. An error is counted as a refusal of the plugin
  // whose filter it is; then nothing may come any more.
  Result<> run(ByteQueue& data, End end) noexcept;

  // The plugin of that error.
  std::string_view failed() const noexcept { return failed_; }

 private:
  struct One {
    plugin::BodyFilter* filter;
    const plugin::Instance* of;
  };

  std::vector<One> filters_;
  std::string_view failed_;
  uint32_t worker_ = 0;
};

}  // namespace pingap::proxy

#include "proxy/body_filters.h"

#include <algorithm>
#include <utility>

namespace pingap::proxy {

void BodyFilters::reverse() noexcept {
  std::ranges::reverse(filters_);
}

bool BodyFilters::keep_length() const noexcept {
  return std::ranges::all_of(filters_, [](const One& one) { return one.filter->keeps_length(); });
}

Result<> BodyFilters::run(ByteQueue& data, End end) noexcept {
  for (const One& one : filters_) {
    ByteQueue made;
    if (auto filtered = one.filter->filter(data, made, end); !filtered) {
      x_->plugin = one.of->source.name;
      if (const char* detail = filtered.error().detail; detail != nullptr) {
        x_->plugin_reason = detail;
      }
      one.of->counts->add(worker_, filtered.error().code);
      return filtered;
    }
    data = std::move(made);
  }
  return {};
}

}  // namespace pingap::proxy

#include "trace/protobuf.h"

#include <algorithm>

namespace pingap::trace {

char* Bytes::room(size_t more) {
  if (capacity_ - size_ < more) {
    const size_t capacity = std::max(size_ + more, 2 * capacity_);
    auto data =
        std::make_unique_for_overwrite<char[]>(capacity);  // NOLINT(modernize-avoid-c-arrays)
    if (size_ > 0) {
      std::memcpy(data.get(), data_.get(), size_);
    }
    data_ = std::move(data);
    capacity_ = capacity;
  }
  return data_.get() + size_;
}

}  // namespace pingap::trace

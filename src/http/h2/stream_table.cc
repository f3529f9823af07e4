#include "http/h2/stream_table.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace pingap::http::h2 {
namespace {

constexpr uint32_t kFirstSlots = 8;

}  // namespace

void StreamTable::put(FramedStream* stream) noexcept {
  uint32_t i = slot_of(stream->id());
  while (streams_[i] != nullptr) {
    i = (i + 1) & (slots_ - 1);
  }
  streams_[i] = stream;
}

void StreamTable::grow() noexcept {
  const uint32_t before = slots_;
  slots_ = std::max(kFirstSlots, before * 2);
  shift_ = 32 - static_cast<uint32_t>(std::countr_zero(slots_));
  const std::unique_ptr<FramedStream*[]> old = std::exchange(
      streams_, std::make_unique<FramedStream*[]>(slots_));  // NOLINT: no memory ends us
  for (uint32_t i = 0; i < before; ++i) {
    if (old[i] != nullptr) {
      put(old[i]);
    }
  }
}

void StreamTable::add(FramedStream& stream) noexcept {
  if (2 * (count_ + 1) > slots_) {
    grow();
  }
  put(&stream);
  ++count_;
}

void StreamTable::remove(const FramedStream& stream) noexcept {
  uint32_t hole = slot_of(stream.id());
  while (streams_[hole] != &stream) {
    hole = (hole + 1) & (slots_ - 1);
  }
  // Those behind that would not be found any more move up.
  for (uint32_t i = (hole + 1) & (slots_ - 1); streams_[i] != nullptr; i = (i + 1) & (slots_ - 1)) {
    const uint32_t wanted = slot_of(streams_[i]->id());
    if (((i - wanted) & (slots_ - 1)) >= ((i - hole) & (slots_ - 1))) {
      streams_[hole] = streams_[i];
      hole = i;
    }
  }
  streams_[hole] = nullptr;
  --count_;
}

}  // namespace pingap::http::h2

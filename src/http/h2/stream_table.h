// The open streams of a connection by their numbers. Memory: twice as many pointers as there were
// streams at once; none before the first one. Worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "http/h2/framed_stream.h"

namespace pingap::http::h2 {

class StreamTable {
 public:
  // Null where there is none.
  FramedStream* find(int32_t id) const noexcept {
    if (slots_ == 0) {
      return nullptr;
    }
    for (uint32_t i = slot_of(id);; i = (i + 1) & (slots_ - 1)) {
      if (streams_[i] == nullptr || streams_[i]->id() == id) {
        return streams_[i];
      }
    }
  }

  // There is none with its number.
  void add(FramedStream& stream) noexcept;
  // It is in the table.
  void remove(const FramedStream& stream) noexcept;

  void clear() noexcept {
    streams_.reset();
    slots_ = 0;
    count_ = 0;
  }

  size_t count() const noexcept { return count_; }

  // The table does not change meanwhile.
  template <class Call>
  void for_each(Call call) const noexcept {
    for (uint32_t i = 0; i < slots_; ++i) {
      if (streams_[i] != nullptr) {
        call(*streams_[i]);
      }
    }
  }

 private:
  // Spread: those that come one after the other would make one long run, through which each that
  // ends in the middle has to look.
  uint32_t slot_of(int32_t id) const noexcept {
    return static_cast<uint32_t>(id) * 0x9e37'79b1U >> shift_;
  }

  void put(FramedStream* stream) noexcept;
  void grow() noexcept;

  std::unique_ptr<FramedStream*[]> streams_;
  uint32_t slots_ = 0;  // a power of two, or none
  uint32_t shift_ = 0;  // such that 32 bits become the number of a slot
  uint32_t count_ = 0;
};

}  // namespace pingap::http::h2

// A body kept aside for a location that buffers: in memory up to a cap and within the budget of the
// whole process, beyond that in an unlinked temporary file. Worker.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/byte_queue.h"
#include "base/error.h"
#include "net/fd.h"

namespace pingap::proxy {

// Bytes that all spools together may hold in memory; set once at start.
void set_buffer_budget(uint64_t bytes) noexcept;

class BodySpool {
 public:
  BodySpool() noexcept = default;
  BodySpool(const BodySpool&) = delete;
  BodySpool& operator=(const BodySpool&) = delete;
  ~BodySpool();

  // Takes all of `data`; fails when the temporary file cannot be written (disk full).
  Result<> append(ByteQueue& data) noexcept;

  uint64_t size() const noexcept { return size_; }

  // Appends up to `max` bytes from `offset` on to `out`. Offsets are read in rising order or from
  // 0 again. Memory bytes are shared, not copied.
  Result<> read(uint64_t offset, size_t max, ByteQueue& out) noexcept;
  // Bytes before `offset` are not needed any more.
  void release(uint64_t offset) noexcept;

 private:
  Result<> open_file() noexcept;

  ByteQueue memory_;  // bytes [released_, memory_end_)
  uint64_t released_ = 0;
  uint64_t memory_end_ = 0;  // where the file begins
  uint64_t size_ = 0;
  uint64_t charged_ = 0;  // of the budget
  net::Fd file_;
};

}  // namespace pingap::proxy

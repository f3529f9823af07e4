// A queue of bytes made of slices of chunks: bytes move between queues without being copied.
// Worker: not thread-safe. Memory: the chunks it refers to; up to 4 slices need no heap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <sys/uio.h>

#include "base/chunk.h"

namespace pingap {

class ByteQueue {
 public:
  ByteQueue() noexcept = default;
  ByteQueue(const ByteQueue&) = delete;
  ByteQueue& operator=(const ByteQueue&) = delete;
  ByteQueue(ByteQueue&& other) noexcept;
  ByteQueue& operator=(ByteQueue&& other) noexcept;

  ~ByteQueue() { clear(); }

  size_t size() const noexcept { return size_; }

  bool empty() const noexcept { return size_ == 0; }

  // Adds a view of [begin, end) of `chunk`; joins it with the last slice where they touch.
  void push(const ChunkRef& chunk, size_t begin, size_t end) noexcept;

  // Room for at least `min` bytes at the tail, to be filled and then committed. The tail chunk is
  // written only when no other queue refers to it.
  std::span<char> prepare(size_t min) noexcept;
  void commit(size_t written) noexcept;

  // Copies `bytes` to the tail.
  void append(std::string_view bytes) noexcept;

  void consume(size_t bytes) noexcept;
  void clear() noexcept;

  // Moves up to `max` bytes from the front of `source` to our tail; copies only slices shorter
  // than `copy_below` into room that the tail has anyway. Returns the bytes moved.
  size_t move_from(ByteQueue& source, size_t max, size_t copy_below = 0) noexcept;

  // Adds the same bytes as `source` holds, sharing its chunks; slices shorter than `copy_below`
  // are copied together, so that a trickle of bytes does not pin a chunk each.
  void share_from(const ByteQueue& source, size_t copy_below) noexcept;
  // The same for `size` bytes from `offset` on, all shared.
  void share_range(const ByteQueue& source, size_t offset, size_t size) noexcept;

  // The first slice's bytes; empty for an empty queue.
  std::string_view front() const noexcept;

  size_t slices() const noexcept { return count_; }

  // Fills `out` with the slices from the front and returns the part that was filled.
  std::span<iovec> gather(std::span<iovec> out) const noexcept;

 private:
  static constexpr uint32_t kInline = 4;

  // One reference to the chunk is its own. Without a constructor or destructor, which would run for
  // unused slots, too: a queue is made and ended several times per request.
  struct Slice {
    Chunk* chunk;
    uint32_t begin;
    uint32_t end;

    size_t size() const noexcept { return end - begin; }

    size_t room() const noexcept { return chunk->refs == 1 ? chunk->capacity - end : 0; }

    const char* data() const noexcept { return chunk->data() + begin; }

    std::string_view view() const noexcept { return {data(), size()}; }
  };

  Slice& at(uint32_t i) noexcept { return slots_[(head_ + i) & mask_]; }

  const Slice& at(uint32_t i) const noexcept { return slots_[(head_ + i) & mask_]; }

  Slice& last() noexcept { return at(count_ - 1); }

  void share(Chunk* chunk, size_t begin, size_t end) noexcept;
  bool join(const Chunk* chunk, size_t begin, size_t end) noexcept;
  void add(ChunkRef chunk, size_t begin, size_t end) noexcept;
  void grow() noexcept;
  ChunkRef pop_front() noexcept;
  void take(ByteQueue& other) noexcept;

  size_t size_ = 0;
  Slice* slots_ = inline_;  // a ring
  uint32_t head_ = 0;
  uint32_t count_ = 0;
  uint32_t mask_ = kInline - 1;  // the number of slots is a power of two
  Slice inline_[kInline];
  std::unique_ptr<Slice[]> heap_;
};

}  // namespace pingap

// A piece of memory for bytes from or to the wire, counted by reference.
// Worker: a chunk and all references to it stay on one thread; the count is not atomic.
// Chunks of kChunkSize come from a free list of the thread, others from malloc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace pingap {

inline constexpr size_t kChunkSize = 16 * 1024;

struct Chunk {
  uint32_t refs;
  uint32_t capacity;  // bytes behind data()
  Chunk* next_free;   // only while in the free list

  char* data() noexcept { return reinterpret_cast<char*>(this + 1); }
};

// One owner's reference. Copying counts up, destruction counts down and frees at zero.
class ChunkRef {
 public:
  ChunkRef() noexcept = default;

  explicit ChunkRef(Chunk* adopted) noexcept : chunk_(adopted) {}

  // One more reference to a chunk that somebody else holds.
  static ChunkRef share(Chunk* chunk) noexcept {
    ++chunk->refs;
    return ChunkRef(chunk);
  }

  ChunkRef(const ChunkRef& other) noexcept : chunk_(other.chunk_) {
    if (chunk_ != nullptr) {
      ++chunk_->refs;
    }
  }

  ChunkRef(ChunkRef&& other) noexcept : chunk_(std::exchange(other.chunk_, nullptr)) {}

  ChunkRef& operator=(ChunkRef other) noexcept {
    std::swap(chunk_, other.chunk_);
    return *this;
  }

  ~ChunkRef() { reset(); }

  void reset() noexcept {
    if (chunk_ != nullptr && --chunk_->refs == 0) {
      dispose(chunk_);
    }
    chunk_ = nullptr;
  }

  // The reference is the caller's from now on, to be given back by a ChunkRef that adopts it.
  Chunk* release() noexcept { return std::exchange(chunk_, nullptr); }

  explicit operator bool() const noexcept { return chunk_ != nullptr; }

  Chunk* get() const noexcept { return chunk_; }

  char* data() const noexcept { return chunk_->data(); }

  size_t capacity() const noexcept { return chunk_->capacity; }

  // True when nobody else holds the chunk, so that it may be overwritten.
  bool unique() const noexcept { return chunk_->refs == 1; }

 private:
  static void dispose(Chunk* chunk) noexcept;

  Chunk* chunk_ = nullptr;
};

// A chunk of at least `capacity` bytes (kChunkSize ones are the cheap ones), contents undefined.
// Aborts the process when memory is out: all that peers can make us hold is bounded before.
ChunkRef make_chunk(size_t capacity = kChunkSize) noexcept;

// Gives the free chunks of this thread back that were not needed since the call before. False when
// so few are left that there is no point in calling again.
bool trim_free_chunks() noexcept;

}  // namespace pingap

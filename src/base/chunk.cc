#include "base/chunk.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace pingap {
namespace {

struct FreeList {
  Chunk* head = nullptr;
  size_t size = 0;
  size_t unused = 0;  // the least size since the last trim

  void free(size_t count) noexcept {
    for (; count > 0; --count) {
      std::free(take());
    }
  }

  Chunk* take() noexcept {
    Chunk* chunk = head;
    head = chunk->next_free;
    --size;
    unused = std::min(unused, size);
    return chunk;
  }
};

// Above this the thread's surplus goes back to malloc at once (32 MiB).
constexpr size_t kMaxFree = 2048;
// These few are always kept.
constexpr size_t kMinFree = 64;

// Without a destructor, so that no access has to look whether it is constructed.
constinit thread_local FreeList t_free;

// Gives the list back when the thread ends.
struct AtThreadEnd {
  ~AtThreadEnd() { t_free.free(t_free.size); }

  void arm() noexcept {}
};

thread_local AtThreadEnd t_at_end;

Chunk* allocate(size_t capacity) noexcept {
  void* memory = std::malloc(sizeof(Chunk) + capacity);
  if (memory == nullptr) {
    std::fputs("pingap: out of memory\n", stderr);
    std::abort();
  }
  return new (memory) Chunk{1, static_cast<uint32_t>(capacity), nullptr};
}

}  // namespace

ChunkRef make_chunk(size_t capacity) noexcept {
  if (capacity != kChunkSize || t_free.head == nullptr) {
    return ChunkRef(allocate(capacity));
  }
  Chunk* chunk = t_free.take();
  chunk->refs = 1;
  return ChunkRef(chunk);
}

void ChunkRef::dispose(Chunk* chunk) noexcept {
  if (chunk->capacity != kChunkSize || t_free.size >= kMaxFree) {
    std::free(chunk);
    return;
  }
  if (t_free.head == nullptr) {
    t_at_end.arm();
  }
  chunk->next_free = t_free.head;
  t_free.head = chunk;
  ++t_free.size;
}

bool trim_free_chunks() noexcept {
  const size_t surplus = t_free.size > kMinFree ? t_free.size - kMinFree : 0;
  t_free.free(std::min(t_free.unused, surplus));
  t_free.unused = t_free.size;
  return t_free.size > kMinFree;
}

}  // namespace pingap

#include "base/chunk.h"

#include <cstdio>
#include <cstdlib>

namespace pingap {
namespace {

struct FreeList {
  Chunk* head = nullptr;
  size_t size = 0;

  ~FreeList() { trim(0); }

  void trim(size_t keep) noexcept {
    while (size > keep) {
      Chunk* chunk = head;
      head = chunk->next_free;
      --size;
      std::free(chunk);
    }
  }
};

// Above this the thread's surplus goes back to malloc at once (4 MiB).
constexpr size_t kMaxFree = 256;

thread_local FreeList t_free;

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
  Chunk* chunk = t_free.head;
  t_free.head = chunk->next_free;
  --t_free.size;
  chunk->refs = 1;
  return ChunkRef(chunk);
}

void ChunkRef::release(Chunk* chunk) noexcept {
  if (chunk->capacity != kChunkSize || t_free.size >= kMaxFree) {
    std::free(chunk);
    return;
  }
  chunk->next_free = t_free.head;
  t_free.head = chunk;
  ++t_free.size;
}

void trim_chunk_pool(size_t keep) noexcept {
  t_free.trim(keep);
}

}  // namespace pingap

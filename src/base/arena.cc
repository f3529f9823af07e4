#include "base/arena.h"

#include <algorithm>

namespace pingap {

void* Arena::allocate_slow(size_t size, size_t align) noexcept {
  const size_t wanted = std::max(kChunkSize, sizeof(Block) + size + align);
  ChunkRef chunk = make_chunk(wanted);
  char* memory = chunk.data();
  const size_t capacity = chunk.capacity();
  auto* block = new (memory) Block{blocks_, std::move(chunk)};
  blocks_ = block;
  next_ = memory + sizeof(Block);
  end_ = memory + capacity;
  return allocate(size, align);
}

void Arena::release() noexcept {
  while (blocks_ != nullptr) {
    Block* block = blocks_;
    blocks_ = block->previous;
    // The block lives inside the chunk it owns: take the reference out before it goes.
    ChunkRef chunk = std::move(block->chunk);
    block->~Block();
  }
  next_ = nullptr;
  end_ = nullptr;
}

}  // namespace pingap

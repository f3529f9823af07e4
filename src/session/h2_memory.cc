#include "session/h2_memory.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "base/slab.h"

namespace pingap::session {
namespace {

// In front of each block: how many steps it is long.
struct alignas(std::max_align_t) Header {
  size_t steps;
};

constexpr size_t kStep = 64;
// Longer blocks are buffers and tables of connections, not parts of streams.
constexpr size_t kSizes = 1024 / kStep;

FreeBlocks& blocks_of(size_t steps) noexcept {
  static thread_local std::array<FreeBlocks, kSizes> blocks;
  return blocks[steps - 1];
}

void* allocate(size_t size, void* /*user*/) noexcept {
  const size_t steps = (size + sizeof(Header) + kStep - 1) / kStep;
  void* memory =
      steps <= kSizes ? blocks_of(steps).take(steps * kStep) : std::malloc(size + sizeof(Header));
  return memory == nullptr ? nullptr : new (memory) Header{steps} + 1;
}

void release(void* block, void* /*user*/) noexcept {
  if (block == nullptr) {
    return;
  }
  Header* header = static_cast<Header*>(block) - 1;
  if (header->steps <= kSizes) {
    blocks_of(header->steps).give(header);
  } else {
    std::free(header);
  }
}

void* allocate_zeros(size_t count, size_t size, void* user) noexcept {
  if (size != 0 && count > SIZE_MAX / 2 / size) {
    return nullptr;
  }
  void* block = allocate(count * size, user);
  return block == nullptr ? nullptr : std::memset(block, 0, count * size);
}

void* reallocate(void* block, size_t size, void* user) noexcept {
  if (block == nullptr) {
    return allocate(size, user);
  }
  Header* header = static_cast<Header*>(block) - 1;
  if (header->steps > kSizes && size > kSizes * kStep) {
    auto* moved = static_cast<Header*>(std::realloc(header, size + sizeof(Header)));
    return moved == nullptr ? nullptr : moved + 1;
  }
  const size_t room = header->steps * kStep - sizeof(Header);
  if (header->steps <= kSizes && size <= room) {
    return block;
  }
  void* moved = allocate(size, user);
  if (moved != nullptr) {
    // A long block that becomes a short one has at least `size` bytes.
    std::memcpy(moved, block, header->steps <= kSizes ? room : size);
    release(block, user);
  }
  return moved;
}

}  // namespace

nghttp2_mem* h2_memory() noexcept {
  static nghttp2_mem memory{nullptr, allocate, release, allocate_zeros, reallocate};
  return &memory;
}

}  // namespace pingap::session

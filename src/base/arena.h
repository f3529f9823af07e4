// Memory of one exchange: allocated by moving a pointer, freed all at once.
// Worker. The first block is given from outside (a slab), further ones are chunks of the pool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/chunk.h"

namespace pingap {

class Arena {
 public:
  Arena() noexcept = default;

  // `first` stays owned by the caller and must outlive the arena.
  explicit Arena(std::span<char> first) noexcept
      : next_(first.data()), end_(first.data() + first.size()) {}

  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  ~Arena() { release(); }

  void* allocate(size_t size, size_t align) noexcept {
    auto at = reinterpret_cast<uintptr_t>(next_);
    at = (at + align - 1) & ~(static_cast<uintptr_t>(align) - 1);
    if (at + size > reinterpret_cast<uintptr_t>(end_) || next_ == nullptr) {
      return allocate_slow(size, align);
    }
    next_ = reinterpret_cast<char*>(at + size);
    return reinterpret_cast<void*>(at);
  }

  // An array of `count` default-initialised elements; destructors are never run.
  template <class T>
  T* make_array(size_t count) noexcept {
    static_assert(std::is_trivially_destructible_v<T>);
    return static_cast<T*>(allocate(count * sizeof(T), alignof(T)));
  }

  template <class T, class... Args>
  T* make(Args&&... args) noexcept {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (allocate(sizeof(T), alignof(T))) T(std::forward<Args>(args)...);
  }

  std::string_view copy(std::string_view text) noexcept {
    char* memory = make_array<char>(text.size());
    text.copy(memory, text.size());  // unlike memcpy(), also of a view of nothing
    return {memory, text.size()};
  }

  // The text of all parts, one after the other.
  template <class... Parts>
  std::string_view concat(const Parts&... parts) noexcept {
    const size_t size = (std::string_view(parts).size() + ... + 0);
    char* memory = make_array<char>(size);
    char* to = memory;
    ((to += std::string_view(parts).copy(to, std::string_view::npos)), ...);
    return {memory, size};
  }

  // Frees everything but the first block.
  void release() noexcept;

 private:
  struct Block {
    Block* previous;
    ChunkRef chunk;
  };

  void* allocate_slow(size_t size, size_t align) noexcept;

  char* next_ = nullptr;
  char* end_ = nullptr;
  Block* blocks_ = nullptr;
};

}  // namespace pingap

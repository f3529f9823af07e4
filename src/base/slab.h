// Memory for objects of one type that come and go all the time: freed blocks are kept by the
// thread. Worker: what is allocated on a thread is freed on it.
#pragma once

#include <cstddef>
#include <new>
#include <utility>

namespace pingap {

// Blocks of one size. Surplus goes back to the heap.
class FreeBlocks {
 public:
  FreeBlocks() noexcept = default;
  FreeBlocks(const FreeBlocks&) = delete;
  FreeBlocks& operator=(const FreeBlocks&) = delete;

  ~FreeBlocks() {
    while (head_ != nullptr) {
      ::operator delete(std::exchange(head_, head_->next));
    }
  }

  void* take(size_t size) {
    if (head_ == nullptr) {
      return ::operator new(size);
    }
    --size_;
    return std::exchange(head_, head_->next);
  }

  void give(void* memory) noexcept {
    if (size_ >= kMaxFree) {
      ::operator delete(memory);
      return;
    }
    head_ = new (memory) Block{head_};
    ++size_;
  }

 private:
  struct Block {
    Block* next;
  };

  static constexpr size_t kMaxFree = 512;

  Block* head_ = nullptr;
  size_t size_ = 0;
};

// Base of a final class T whose objects are allocated so.
template <class T>
class Pooled {
 public:
  static void* operator new(size_t size) { return blocks().take(size); }

  static void operator delete(void* memory) noexcept { blocks().give(memory); }

 private:
  friend T;

  Pooled() noexcept = default;
  ~Pooled() = default;

  static FreeBlocks& blocks() noexcept {
    static thread_local FreeBlocks blocks;
    return blocks;
  }
};

}  // namespace pingap

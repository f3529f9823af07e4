// Memory for objects of one type that come and go all the time: freed blocks are kept by the
// thread. Worker: what is allocated on a thread is freed on it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <new>
#include <utility>

namespace pingap {

// Blocks of one size, of one thread. Surplus goes back to the heap.
class FreeBlocks {
 public:
  FreeBlocks() noexcept : next_list_(std::exchange(t_lists, this)) {}

  FreeBlocks(const FreeBlocks&) = delete;
  FreeBlocks& operator=(const FreeBlocks&) = delete;

  ~FreeBlocks() { free(size_); }

  void* take(size_t size) {
    if (head_ == nullptr) {
      return ::operator new(size);
    }
    return pop();
  }

  void give(void* memory) noexcept {
    if (size_ >= kMaxFree) {
      ::operator delete(memory);
      return;
    }
    head_ = new (memory) Block{head_};
    ++size_;
  }

  // Gives the blocks of this thread back that were not needed since the call before. False when so
  // few are left that there is no point in calling again.
  static bool trim_all() noexcept {
    bool more = false;
    for (FreeBlocks* list = t_lists; list != nullptr; list = list->next_list_) {
      const size_t surplus = list->size_ > kMinFree ? list->size_ - kMinFree : 0;
      list->free(std::min(list->unused_, surplus));
      list->unused_ = list->size_;
      more = more || list->size_ > kMinFree;
    }
    return more;
  }

 private:
  struct Block {
    Block* next;
  };

  static constexpr size_t kMaxFree = 512;
  static constexpr size_t kMinFree = 16;

  void* pop() noexcept {
    --size_;
    unused_ = std::min(unused_, size_);
    return std::exchange(head_, head_->next);
  }

  void free(size_t count) noexcept {
    for (; count > 0; --count) {
      ::operator delete(pop());
    }
  }

  // All lists of the thread; they end with it.
  static inline thread_local FreeBlocks* t_lists = nullptr;

  Block* head_ = nullptr;
  size_t size_ = 0;
  size_t unused_ = 0;  // the least size since the last trim
  FreeBlocks* next_list_;
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

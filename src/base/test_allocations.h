// Counts what a call allocates on this thread. It replaces operator new of the whole program, so
// that only one source of a program includes it. Tests only.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define PINGAP_SANITIZER_ALLOCATES 1
#endif
#endif

namespace pingap {

inline thread_local size_t g_allocations = 0;

// Of the second of two calls: the first fills caches of the thread.
template <class Call>
size_t allocations_of(const Call& call) {
  call();
  const size_t before = g_allocations;
  call();
  return g_allocations - before;
}

}  // namespace pingap

#if defined(PINGAP_SANITIZER_ALLOCATES)

// Sanitizers bring their own operator new, and say by this name when they allocate.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wreserved-identifier"

extern "C" void __sanitizer_malloc_hook(const volatile void* /*memory*/, size_t /*size*/) {
  ++pingap::g_allocations;
}

#pragma clang diagnostic pop

#else

// Not inlined: GCC takes a pair that it sees into for a mismatch.
[[gnu::noinline]] void* operator new(size_t size) {
  ++pingap::g_allocations;
  void* memory = std::malloc(size);
  if (memory == nullptr) {
    throw std::bad_alloc();
  }
  return memory;
}

[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}

[[gnu::noinline]] void operator delete(void* memory, size_t /*size*/) noexcept {
  std::free(memory);
}

#endif

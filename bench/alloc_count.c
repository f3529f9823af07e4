// LD_PRELOAD library that counts the heap allocations of a program. The count lives in a shared
// mapping of the file named by ALLOC_COUNT_FILE, where the bench reads it while the program runs.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

// glibc's own names: calling them needs no dlsym(), which would allocate itself.
extern void* __libc_malloc(size_t size);
extern void* __libc_calloc(size_t count, size_t size);
extern void* __libc_realloc(void* old, size_t size);
extern void* __libc_memalign(size_t align, size_t size);

static _Atomic unsigned long before_start;
static _Atomic unsigned long* counter = &before_start;

__attribute__((constructor)) static void open_counter(void) {
  const char* path = getenv("ALLOC_COUNT_FILE");
  const int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) {
    return;
  }
  void* map = mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (map != MAP_FAILED) {
    counter = map;
  }
}

static void count(void) {
  atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

void* malloc(size_t size) {
  count();
  return __libc_malloc(size);
}

void* calloc(size_t number, size_t size) {
  count();
  return __libc_calloc(number, size);
}

void* realloc(void* old, size_t size) {
  count();
  return __libc_realloc(old, size);
}

void* memalign(size_t align, size_t size) {
  count();
  return __libc_memalign(align, size);
}

void* aligned_alloc(size_t align, size_t size) {
  count();
  return __libc_memalign(align, size);
}

int posix_memalign(void** out, size_t align, size_t size) {
  count();
  *out = __libc_memalign(align, size);
  return *out == NULL ? ENOMEM : 0;
}

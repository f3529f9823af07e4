/* Preloaded into a program: ends it by SIGKILL at the Nth step of what it writes below a folder.

CRASH_BELOW names the folder, CRASH_AT the step, from 1. A step is the moment before each call that
changes something there, and the one within write() at which half of the bytes are written. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int below(const char* path) {
  const char* folder = getenv("CRASH_BELOW");
  return folder != NULL && strncmp(path, folder, strlen(folder)) == 0;
}

static int of_folder(int fd) {
  char link[64];
  char path[4096];
  snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
  const ssize_t size = readlink(link, path, sizeof(path) - 1);
  if (size < 0) {
    return 0;
  }
  path[size] = '\0';
  return below(path);
}

/* Whether the step that comes now is the last. */
static int is_last(void) {
  static int steps = 0;
  const char* at = getenv("CRASH_AT");
  return at != NULL && __sync_add_and_fetch(&steps, 1) == atoi(at);
}

static void step(int counts) {
  if (counts && is_last()) {
    raise(SIGKILL);
  }
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void* bytes, size_t size) {
  const int counts = of_folder(fd);
  step(counts);
  if (counts && is_last()) {
    REAL(write)(fd, bytes, size / 2);
    raise(SIGKILL);
  }
  return REAL(write)(fd, bytes, size);
}

int fsync(int fd) {
  step(of_folder(fd));
  return REAL(fsync)(fd);
}

int fchmod(int fd, mode_t mode) {
  step(of_folder(fd));
  return REAL(fchmod)(fd, mode);
}

int fchown(int fd, uid_t user, gid_t group) {
  step(of_folder(fd));
  return REAL(fchown)(fd, user, group);
}

int rename(const char* from, const char* to) {
  step(below(to));
  return REAL(rename)(from, to);
}

int unlink(const char* path) {
  step(below(path));
  return REAL(unlink)(path);
}

int remove(const char* path) {
  step(below(path));
  return REAL(remove)(path);
}

int mkdir(const char* path, mode_t mode) {
  step(below(path));
  return REAL(mkdir)(path, mode);
}

int mkostemps(char* path, int suffix, int flags) {
  step(below(path));
  return REAL(mkostemps)(path, suffix, flags);
}

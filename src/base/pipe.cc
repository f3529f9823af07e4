#include "base/pipe.h"

#include <array>
#include <atomic>
#include <fcntl.h>
#include <unistd.h>

namespace pingap {
namespace {

// 64 pages each. The kernel lets a user have 16,384 pages in pipes before it makes new ones small
// (pipe-user-pages-soft in pipe(7)): all of ours together stay at half of that.
constexpr int kCapacity = 256 * 1024;
constexpr uint32_t kMaxPipes = 128;
constexpr size_t kMaxIdle = 64;  // of a thread

std::atomic<uint32_t> g_pipes{0};  // open ones of all threads

}  // namespace

struct IdlePipes {
  std::unique_ptr<Pipe> head;
  size_t size = 0;
};

namespace {
thread_local IdlePipes t_idle;
}  // namespace

bool Pipe::open() noexcept {
  if (g_pipes.fetch_add(1, std::memory_order_relaxed) >= kMaxPipes ||
      ::pipe2(ends_, O_NONBLOCK | O_CLOEXEC) != 0) {
    return false;
  }
  return ::fcntl(ends_[1], F_SETPIPE_SZ, kCapacity) >= kCapacity;
}

Pipe::~Pipe() {
  for (const int end : ends_) {
    if (end >= 0) {
      ::close(end);
    }
  }
  g_pipes.fetch_sub(1, std::memory_order_relaxed);
}

Pipe::Handle Pipe::take() noexcept {
  if (t_idle.head != nullptr) {
    std::unique_ptr<Pipe> pipe = std::move(t_idle.head);
    t_idle.head = std::move(pipe->next_idle_);
    --t_idle.size;
    return Handle(pipe.release());
  }
  std::unique_ptr<Pipe> pipe(new Pipe);  // NOLINT(bugprone-unhandled-exception-at-new)
  return Handle(pipe->open() ? pipe.release() : nullptr);
}

void Pipe::Return::operator()(Pipe* pipe) const noexcept {
  std::unique_ptr<Pipe> owned(pipe);
  if (owned->size_ > 0 || t_idle.size >= kMaxIdle) {
    return;
  }
  owned->next_idle_ = std::move(t_idle.head);
  t_idle.head = std::move(owned);
  ++t_idle.size;
}

void Pipe::discard() noexcept {
  std::array<char, 16 * 1024> nowhere;  // never read
  while (size_ > 0) {
    const ssize_t got = ::read(ends_[0], nowhere.data(), std::min(size_, nowhere.size()));
    if (got <= 0) {
      return;  // what is left keeps it from being used again
    }
    size_ -= static_cast<size_t>(got);
  }
}

}  // namespace pingap

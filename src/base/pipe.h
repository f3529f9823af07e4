// A pipe of the kernel, through which body bytes pass from one socket to another without ever being
// copied to us. Worker: belongs to one exchange at a time; idle ones are kept by the thread.
// Only net::Transport moves bytes; it reports them by filled() and drained().
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace pingap {

class Pipe {
 public:
  struct Return {
    void operator()(Pipe* pipe) const noexcept;  // kept for the next exchange, or closed
  };

  using Handle = std::unique_ptr<Pipe, Return>;

  // Null when there is none to be had (descriptors, the user's limit of pipe pages, or too many
  // in use already): then bytes are copied.
  static Handle take() noexcept;

  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe();

  int read_end() const noexcept { return ends_[0]; }

  int write_end() const noexcept { return ends_[1]; }

  size_t size() const noexcept { return size_; }

  void filled(size_t bytes) noexcept { size_ += bytes; }

  void drained(size_t bytes) noexcept { size_ -= bytes; }

  // Throws away what is in it.
  void discard() noexcept;

 private:
  Pipe() noexcept = default;
  bool open() noexcept;

  int ends_[2] = {-1, -1};
  size_t size_ = 0;  // bytes in it
  std::unique_ptr<Pipe> next_idle_;

  friend struct IdlePipes;
};

}  // namespace pingap

// What every thread of the process spends its CPU time on: so many times a second of it, its stack
// is noted. A signal (SIGPROF) does that on the thread itself, by frame pointers, without a lock,
// a call into the kernel or an allocation. Where nobody samples, it costs nothing.
//
// One at a time; control thread. x86-64 Linux.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace pingap {

class StackSampler {
 public:
  // Frames of a stack; what called these is left out.
  static constexpr size_t kDepth = 64;

  // Of the threads that there are now, `per_second` times in each second of the CPU time of each;
  // there is room for so many samples of each thread, others are counted as lost.
  static Result<std::unique_ptr<StackSampler>> start(unsigned per_second, size_t samples);

  StackSampler(const StackSampler&) = delete;
  StackSampler& operator=(const StackSampler&) = delete;
  virtual ~StackSampler() = default;

  // No more from now on.
  virtual void stop() noexcept = 0;

  // Where the thread was, the innermost first: addresses of code. The words are this object's.
  struct Stack {
    std::string_view thread;  // its name, with a number where there are several of it
    const uintptr_t* frames;
    size_t depth;
  };

  // Once it has been stopped.
  virtual std::vector<Stack> stacks() const = 0;
  virtual uint64_t lost() const noexcept = 0;

 protected:
  StackSampler() = default;
};

}  // namespace pingap

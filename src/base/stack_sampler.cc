#include "base/stack_sampler.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <dirent.h>
#include <fstream>
#include <map>
#include <sched.h>
#include <sys/types.h>
#include <ucontext.h>
#include <utility>

#include "base/strings.h"

namespace pingap {
namespace {

// Memory that may be read: a stack lies in one of them. Sorted.
struct Range {
  uintptr_t begin;
  uintptr_t end;
};

// Of one thread. The handler of a timer that has been deleted may still come: these live for ever,
// and are used again.
struct Slot {
  std::atomic<bool> on{false};
  std::atomic<bool> busy{false};  // the handler is at work
  const std::vector<Range>* memory = nullptr;
  uintptr_t* words = nullptr;  // a number of frames, then these; and so on
  size_t room = 0;
  size_t used = 0;
  std::atomic<uint64_t> lost{0};  // also asked for meanwhile
};

// Counts them: what orders the making of one before its first use by a handler, to which only the
// kernel brings it.
std::atomic<size_t> slots_made{0};

Error system_error() noexcept {
  return {.code = ErrorCode::io, .sys = errno};
}

// ---- on the thread that is looked at, in the middle of whatever it does

// As far as the stack of that thread can be read: from `sp` to the end.
uintptr_t end_of_stack(const std::vector<Range>& memory, uintptr_t sp) noexcept {
  size_t low = 0;
  size_t high = memory.size();
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (memory[middle].end <= sp) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < memory.size() && memory[low].begin <= sp ? memory[low].end : sp;
}

// A frame is where the one before was kept, and the address to go back to behind it. Libraries that
// are compiled without such frames may have anything in the register: what does not go up in this
// stack ends it. Of a stack with the marks of sanitizers between its variables all may be read.
__attribute__((no_sanitize("address", "thread", "undefined"))) size_t
walk(uintptr_t pc, uintptr_t frame, uintptr_t sp, uintptr_t end, uintptr_t* to) noexcept {
  size_t depth = 0;
  to[depth++] = pc;
  uintptr_t least = sp;
  while (depth < StackSampler::kDepth && frame >= least && frame % sizeof(uintptr_t) == 0 &&
         frame + 2 * sizeof(uintptr_t) <= end) {
    const auto* const words = reinterpret_cast<const uintptr_t*>(frame);  // NOLINT
    if (words[1] == 0) {
      break;
    }
    to[depth++] = words[1];
    least = frame + 1;
    frame = words[0];
  }
  return depth;
}

void note(Slot& slot, const ucontext_t& context) noexcept {
  if (slot.room - slot.used < 1 + StackSampler::kDepth) {
    slot.lost.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  const auto& registers = context.uc_mcontext.gregs;
  const auto sp = static_cast<uintptr_t>(registers[REG_RSP]);
  uintptr_t* const at = slot.words + slot.used;
  *at = walk(static_cast<uintptr_t>(registers[REG_RIP]), static_cast<uintptr_t>(registers[REG_RBP]),
             sp, end_of_stack(*slot.memory, sp), at + 1);
  slot.used += 1 + *at;
}

void on_signal(int /*signal*/, siginfo_t* info, void* context) noexcept {
  const int error = errno;
  // Of a timer of ours: others may send the signal, too.
  if (info->si_code == SI_TIMER && slots_made.load() > 0) {
    Slot& slot = *static_cast<Slot*>(info->si_value.sival_ptr);
    slot.busy.store(true);
    if (slot.on.load()) {
      note(slot, *static_cast<const ucontext_t*>(context));
    }
    slot.busy.store(false);
  }
  errno = error;
}

// ---- elsewhere

std::vector<Range> readable_memory() {
  std::vector<Range> all;
  std::ifstream maps("/proc/self/maps");
  std::string line;
  while (std::getline(maps, line)) {
    char* after = nullptr;
    const uintptr_t begin = std::strtoull(line.c_str(), &after, 16);
    const uintptr_t end = std::strtoull(after + 1, &after, 16);
    if (after[1] == 'r') {
      all.push_back({begin, end});
    }
  }
  return all;  // the kernel sorts them
}

struct Thread {
  pid_t id;
  std::string name;
};

std::vector<Thread> threads() {
  std::vector<Thread> all;
  DIR* const folder = ::opendir("/proc/self/task");
  if (folder == nullptr) {
    return all;
  }
  while (const dirent* entry = ::readdir(folder)) {  // NOLINT(concurrency-mt-unsafe): it is ours
    if (const auto id = parse_decimal(entry->d_name)) {
      std::ifstream comm("/proc/self/task/" + std::string(entry->d_name) + "/comm");
      std::string name;
      std::getline(comm, name);
      all.push_back({static_cast<pid_t>(*id), std::move(name)});
    }
  }
  ::closedir(folder);
  std::ranges::sort(all, {}, &Thread::id);
  std::map<std::string, size_t> seen;
  for (const Thread& thread : all) {
    ++seen[thread.name];
  }
  std::map<std::string, size_t> numbers;
  for (Thread& thread : all) {
    if (seen[thread.name] > 1) {
      thread.name += "-" + std::to_string(numbers[thread.name]++);
    }
  }
  return all;
}

// What pthread_getcpuclockid() makes of a thread's number.
clockid_t cpu_clock(pid_t thread) noexcept {
  constexpr unsigned kOfThread = 4;
  constexpr unsigned kScheduled = 2;
  return static_cast<clockid_t>((~static_cast<unsigned>(thread) << 3) | kOfThread | kScheduled);
}

Slot& take_slot(size_t index) {
  static std::vector<std::unique_ptr<Slot>> all;  // never given up
  while (all.size() <= index) {
    all.push_back(std::make_unique<Slot>());
    slots_made.fetch_add(1);
  }
  return *all[index];
}

bool install_handler() noexcept {
  struct sigaction action{};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_RESTART | SA_SIGINFO;
  sigfillset(&action.sa_mask);
  return ::sigaction(SIGPROF, &action, nullptr) == 0;
}

class Sampler final : public StackSampler {
 public:
  explicit Sampler(size_t samples) : memory_(readable_memory()), room_(samples * (1 + kDepth)) {}

  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;

  ~Sampler() override { stop(); }

  Result<> begin(unsigned per_second) {
    for (Thread& thread : threads()) {
      if (auto watched = watch(thread, per_second); !watched) {
        return watched;
      }
    }
    return {};
  }

  void stop() noexcept override {
    for (const Watched& one : watched_) {
      if (one.slot->on.exchange(false)) {
        ::timer_delete(one.timer);
      }
      while (one.slot->busy.load()) {
        ::sched_yield();  // some hundred instructions
      }
    }
  }

  std::vector<Stack> stacks() const override {
    std::vector<Stack> all;
    for (const Watched& one : watched_) {
      for (size_t at = 0; at < one.slot->used; at += 1 + one.words[at]) {
        all.push_back({one.name, &one.words[at + 1], one.words[at]});
      }
    }
    return all;
  }

  uint64_t lost() const noexcept override {
    uint64_t sum = 0;
    for (const Watched& one : watched_) {
      sum += one.slot->lost.load(std::memory_order_relaxed);
    }
    return sum;
  }

 private:
  struct Watched {
    std::string name;
    Slot* slot;
    timer_t timer;
    std::unique_ptr<uintptr_t[]> words;  // NOLINT(modernize-avoid-c-arrays): not to be cleared
  };

  // One that has ended meanwhile is passed over.
  Result<> watch(Thread& thread, unsigned per_second) {
    Slot& slot = take_slot(watched_.size());
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGPROF;
    event.sigev_value.sival_ptr = &slot;
    event._sigev_un._tid = thread.id;
    timer_t timer{};
    if (::timer_create(cpu_clock(thread.id), &event, &timer) != 0) {
      return errno == EINVAL || errno == ESRCH ? Result<>() : tl::make_unexpected(system_error());
    }
    // Pages that no sample reaches are never touched.
    auto words = std::make_unique_for_overwrite<uintptr_t[]>(room_);  // NOLINT
    slot.memory = &memory_;
    slot.words = words.get();
    slot.room = room_;
    slot.used = 0;
    slot.lost = 0;
    slot.on.store(true);
    watched_.push_back({std::move(thread.name), &slot, timer, std::move(words)});
    const timespec every{per_second > 1 ? 0 : 1,
                         per_second > 1 ? static_cast<long>(1'000'000'000 / per_second) : 0};
    const itimerspec times{every, every};
    ::timer_settime(timer, 0, &times, nullptr);
    return {};
  }

  const std::vector<Range> memory_;
  const size_t room_;  // words of a thread
  std::vector<Watched> watched_;
};

}  // namespace

Result<std::unique_ptr<StackSampler>> StackSampler::start(unsigned per_second, size_t samples) {
  if (!install_handler()) {
    return tl::make_unexpected(system_error());
  }
  auto made = std::make_unique<Sampler>(samples);
  if (auto begun = made->begin(per_second); !begun) {
    return tl::make_unexpected(begun.error());
  }
  return std::unique_ptr<StackSampler>(std::move(made));
}

}  // namespace pingap

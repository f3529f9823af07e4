// What plugins do that may take long or block: two threads for the process. Any thread, but for
// start() and stop().
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.h"

namespace pingap::plugin {

class Background {
 public:
  // Jobs that may wait. Who finds no room is to say so to the client.
  static constexpr size_t kMostWaiting = 64;

  static Background& instance();

  Background() = default;
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;
  ~Background();

  // From here on there are threads: a plugin that is only looked at has none, nor one that is made
  // before the process has given up its rights. Control thread.
  void start();

  // False: too many wait. What `job` needs it owns; it throws nothing.
  bool submit(std::function<void()> job);

  // A call that comes again and again while this lives. Its end waits for a call that is under way.
  class Repeated {
   public:
    Repeated(Background& owner, uint64_t id) noexcept : owner_(owner), id_(id) {}

    Repeated(const Repeated&) = delete;
    Repeated& operator=(const Repeated&) = delete;
    ~Repeated();

   private:
    Background& owner_;
    uint64_t id_;
  };

  // The first one at once. Goes before jobs.
  std::unique_ptr<Repeated> repeat(Duration pause, std::function<void()> call);

  // Waits for what is under way and throws away what waits. To be called before the loops
  // go that jobs report to. Control thread.
  void stop();

 private:
  struct Call {
    uint64_t id;
    Duration pause;
    TimePoint due;
    std::function<void()> call;
    bool running = false;
    bool gone = false;
  };

  using Lock = std::unique_lock<std::mutex>;

  void run();
  // What has been waited for comes; false: it is to end.
  bool step(Lock& lock);
  Call* next_call() noexcept;
  void run_call(Lock& lock, Call& call);
  void remove(uint64_t id);

  std::mutex mutex_;
  std::condition_variable changed_;  // something to do, or the end
  std::condition_variable called_;   // a call is over
  std::deque<std::function<void()>> jobs_;
  std::vector<std::unique_ptr<Call>> calls_;
  std::vector<std::thread> threads_;
  uint64_t last_id_ = 0;
  bool stopping_ = false;
};

}  // namespace pingap::plugin

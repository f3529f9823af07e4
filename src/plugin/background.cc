#include "plugin/background.h"

#include <algorithm>
#include <utility>

namespace pingap::plugin {
namespace {

constexpr size_t kThreads = 2;

}  // namespace

Background& Background::instance() {
  static Background one;
  return one;
}

Background::~Background() {
  stop();
}

Background::Repeated::~Repeated() {
  owner_.remove(id_);
}

void Background::start() {
  const Lock lock(mutex_);
  stopping_ = false;
  while (threads_.size() < kThreads) {
    threads_.emplace_back([this] { run(); });
  }
}

bool Background::submit(std::function<void()> job) {
  const Lock lock(mutex_);
  if (stopping_ || jobs_.size() >= kMostWaiting) {
    return false;
  }
  jobs_.push_back(std::move(job));
  changed_.notify_one();
  return true;
}

std::unique_ptr<Background::Repeated> Background::repeat(Duration pause,
                                                         std::function<void()> call) {
  const Lock lock(mutex_);
  const uint64_t id = ++last_id_;
  calls_.push_back(std::make_unique<Call>(Call{id, pause, steady_now(), std::move(call)}));
  changed_.notify_one();
  return std::make_unique<Repeated>(*this, id);
}

void Background::remove(uint64_t id) {
  std::unique_ptr<Call> removed;  // what it owns may be another Repeated: not under the lock
  Lock lock(mutex_);
  const auto found = std::ranges::find_if(calls_, [&](const auto& one) { return one->id == id; });
  (*found)->gone = true;
  called_.wait(lock, [&] { return !(*found)->running; });
  // Others may have come and gone meanwhile.
  const auto again = std::ranges::find_if(calls_, [&](const auto& one) { return one->id == id; });
  removed = std::move(*again);
  calls_.erase(again);
  lock.unlock();
}

void Background::stop() {
  std::vector<std::thread> threads;
  std::deque<std::function<void()>> dropped;  // they are destroyed without the lock
  {
    const Lock lock(mutex_);
    stopping_ = true;
    threads.swap(threads_);
    dropped.swap(jobs_);
    changed_.notify_all();
  }
  dropped.clear();
  for (std::thread& thread : threads) {
    thread.join();
  }
}

Background::Call* Background::next_call() noexcept {
  Call* next = nullptr;
  for (const auto& one : calls_) {
    if (!one->running && !one->gone && (next == nullptr || one->due < next->due)) {
      next = one.get();
    }
  }
  return next;
}

void Background::run_call(Lock& lock, Call& call) {
  call.running = true;
  lock.unlock();
  call.call();
  lock.lock();
  call.running = false;
  call.due = steady_now() + call.pause;
  called_.notify_all();
}

bool Background::step(Lock& lock) {
  if (stopping_) {
    return false;
  }
  Call* call = next_call();
  if (call != nullptr && call->due <= steady_now()) {
    run_call(lock, *call);
  } else if (!jobs_.empty()) {
    std::function<void()> job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    job = nullptr;  // what it owns goes before the lock is taken
    lock.lock();
  } else if (call != nullptr) {
    changed_.wait_until(lock, call->due);
  } else {
    changed_.wait(lock);
  }
  return true;
}

void Background::run() {
  Lock lock(mutex_);
  while (step(lock)) {
  }
}

}  // namespace pingap::plugin

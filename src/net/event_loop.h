// The loop of a thread: readiness of descriptors (epoll, edge-triggered, registered once), timers,
// messages from other threads. One per worker and one for the control thread.
//
// A turn:  wait -> clock -> for each event: on_io(), then what it deferred -> timers -> messages
//          -> sessions with work left (fairness) -> what was deferred to the end
//          -> destroy what was retired
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/intrusive_list.h"
#include "net/fd.h"
#include "net/timer.h"

namespace pingap::net {

struct IoEvents {
  bool readable;  // data, or the end, or an error to be read
  bool writable;
  bool hangup;  // the peer has closed its side (or all): read until the end is seen
  bool failed;  // both sides are closed, or the connection was reset
};

class IoHandler {
 public:
  virtual void on_io(IoEvents ready) noexcept = 0;

 protected:
  ~IoHandler() = default;
};

struct DeferTag;
struct AgainTag;
struct RetireTag;

// Work to be done right after the current event, once, however often it was asked for: a session
// writes all that one event made it produce in one system call.
class Deferrable : public ListHook<DeferTag> {
 public:
  virtual void on_deferred() noexcept = 0;

 protected:
  ~Deferrable() = default;
};

// Work that goes on in the next turn, after the others had theirs.
class Resumable : public ListHook<AgainTag> {
 public:
  virtual void on_resume() noexcept = 0;

 protected:
  ~Resumable() = default;
};

// Destroyed at the end of the turn, never inside its own callback.
class Retirable : public ListHook<RetireTag> {
 public:
  virtual ~Retirable() = default;
};

class EventLoop {
 public:
  static Result<std::unique_ptr<EventLoop>> create();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop();

  // Runs until stop(). The loop must be used by this thread only (post() and stop() excepted).
  void run() noexcept;
  // For tests: a turn that waits this long at most; a turn without events, at a time of theirs.
  void run_once(Duration longest) noexcept;
  void run_once_at(TimePoint now) noexcept;
  void stop() noexcept;  // any thread

  // Once per descriptor, for in, out and hang-up; closing the descriptor takes it out.
  Result<> add(int fd, IoHandler& handler) noexcept;
  // The same for one that may be registered for another handler already: it is told nothing more.
  Result<> take_over(int fd, IoHandler& handler) noexcept;
  // For descriptors that are only read and must not be edge-triggered (listeners).
  Result<> add_level(int fd, IoHandler& handler) noexcept;
  void remove(int fd) noexcept;

  TimePoint now() const noexcept { return now_; }

  void arm(Timer& timer, Duration after) noexcept { wheel_.arm(timer, now_ + after); }

  void defer(Deferrable& work) noexcept {
    if (!work.linked()) {
      deferred_.push_back(work);
    }
  }

  // The same at the end of the turn: what all its events made somebody produce leaves in one system
  // call.
  void defer_to_end(Deferrable& work) noexcept {
    if (!work.linked()) {
      at_end_.push_back(work);
    }
  }

  void resume_later(Resumable& work) noexcept {
    if (!work.linked()) {
      again_.push_back(work);
    }
  }

  // Takes ownership.
  void retire(Retirable* object) noexcept { retired_.push_back(*object); }

  // Any thread: `message` is called on this loop's thread.
  void post(std::function<void()> message);
  // The loop runs no more, its thread has ended: what was posted is never called. What the messages
  // hold may belong to other loops, so it goes while those are still there.
  void discard_posted() noexcept;

 private:
  struct Posted {
    std::function<void()> call;
    Posted* next;
  };

  class Wakeup final : public IoHandler {
   public:
    explicit Wakeup(EventLoop& loop) noexcept : loop_(loop) {}

    void on_io(IoEvents ready) noexcept override;

   private:
    EventLoop& loop_;
  };

  EventLoop(Fd epoll, Fd wake) noexcept;
  void wake() noexcept;
  int wait_milliseconds(Duration longest) const noexcept;
  void finish_turn() noexcept;
  void run_deferred() noexcept;
  void run_posted() noexcept;
  void destroy_retired() noexcept;

  struct Events;  // what epoll_wait fills

  Fd epoll_;
  Fd wake_;
  std::unique_ptr<Events> events_;
  Wakeup wakeup_{*this};
  TimePoint now_;
  TimerWheel wheel_;
  IntrusiveList<Deferrable, DeferTag> deferred_;
  IntrusiveList<Deferrable, DeferTag> at_end_;
  IntrusiveList<Resumable, AgainTag> again_;
  IntrusiveList<Retirable, RetireTag> retired_;
  std::atomic<Posted*> posted_{nullptr};  // any thread pushes, the loop takes all
  std::atomic<bool> stop_{false};         // any thread sets
};

}  // namespace pingap::net

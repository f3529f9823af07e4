// What `pingap profile` asks of the process: for some seconds every thread notes where it is. The
// answer has addresses; the command finds their names, which takes time. Control thread.
#pragma once

#include <memory>

#include "base/stack_sampler.h"
#include "control/command.h"
#include "control/command_server.h"
#include "net/event_loop.h"
#include "net/timer.h"

namespace pingap::control {

class Profile {
 public:
  static constexpr unsigned kPerSecond = 99;  // of CPU time; not in step with what runs by 10 ms
  static constexpr unsigned kLongest = 60;    // seconds

  // `loop` outlives it.
  explicit Profile(net::EventLoop& loop) noexcept : loop_(loop) {}

  // Field `seconds`. `reply` is called once they are over, with lines:
  //   pid N                       the process
  //   lost N                      samples that there was no room for
  //   module PATH                 a file that code came from; counted from 0
  //   stack COUNT THREAD;0:1f4;0:2a0;1:40
  //                               outermost first: module and place in the file in hex, of calls
  //                               the byte behind them; "?" where no file is known
  void take(const Command& command, CommandHandler::Reply reply);

 private:
  void on_timer() noexcept;

  net::EventLoop& loop_;
  std::unique_ptr<StackSampler> sampler_;  // null: no profile is taken
  CommandHandler::Reply reply_;
  net::Timer timer_{Callback<void()>::of<&Profile::on_timer>(this)};
};

}  // namespace pingap::control

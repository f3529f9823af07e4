// The control thread while the workers run: signals, and the graceful stop.
#pragma once

#include <string>

#include "base/exit_code.h"
#include "control/command_server.h"
#include "control/reloader.h"
#include "control/side_service.h"
#include "control/upgrade.h"
#include "net/event_loop.h"
#include "net/fd.h"
#include "proxy/live_upstreams.h"
#include "proxy/server.h"

namespace pingap::control {

class Control final : public net::IoHandler {
 public:
  // All outlive it. `signals` is a signalfd of the signals that it obeys.
  Control(Reloader& reloader, proxy::Server& server, proxy::LiveUpstreams& upstreams,
          net::EventLoop& loop, net::Fd signals, Upgrade::Program program);

  // Whose socket is passed on and given up with the others; null: there is none.
  void set_command_server(CommandServer* commands) noexcept { commands_ = commands; }

  // The same of what is served beside them.
  void set_side_service(SideService& side) noexcept { side_ = &side; }

  // The process ends, or another one has taken over.
  bool stopping() const noexcept { return stopping_; }

  Upgrade& upgrade() noexcept { return upgrade_; }

  Answer pass_sockets() const;

  // Until the process is to end, and nothing is under way any more.
  ExitCode run();

  void on_io(net::IoEvents ready) noexcept override;

 private:
  void on_signal(int signal, uint32_t sender);
  void report();
  std::string counted() const;
  void stop();
  void stop_now();
  void hand_over(pid_t to);
  void finish_requests();
  void on_watchdog() noexcept;
  void on_check() noexcept;
  void on_deadline() noexcept;
  void finish(ExitCode code);

  Duration grace() const noexcept;

  Reloader& reloader_;
  proxy::Server& server_;
  proxy::LiveUpstreams& upstreams_;
  net::EventLoop& loop_;
  net::Fd signals_;
  Upgrade upgrade_;
  CommandServer* commands_ = nullptr;
  SideService* side_ = nullptr;
  ExitCode code_ = ExitCode::ok;
  bool stopping_ = false;
  net::Timer check_{Callback<void()>::of<&Control::on_check>(this)};
  net::Timer watchdog_{Callback<void()>::of<&Control::on_watchdog>(this)};
  net::Timer deadline_{Callback<void()>::of<&Control::on_deadline>(this)};
};

}  // namespace pingap::control

#include "control/control.h"

#include <csignal>
#include <cstring>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "control/notify.h"
#include "control/user_name.h"

namespace pingap::control {
namespace {

// How often a stopping process looks whether its workers are done.
constexpr Duration kStopCheck = std::chrono::milliseconds(10);

}  // namespace

Control::Control(Reloader& reloader, proxy::Server& server, proxy::LiveUpstreams& upstreams,
                 net::EventLoop& loop, net::Fd signals, Upgrade::Program program)
    : reloader_(reloader),
      server_(server),
      upstreams_(upstreams),
      loop_(loop),
      signals_(std::move(signals)),
      upgrade_(std::move(program), server, loop, [this](pid_t pid) { hand_over(pid); }) {
}

ExitCode Control::run() {
  if (auto added = loop_.add_level(signals_.get(), *this); !added) {
    PINGAP_LOG(error, "epoll_ctl: {}", std::strerror(added.error().sys));  // NOLINT
    return ExitCode::runtime_failure;
  }
  notify("READY=1");
  on_watchdog();
  loop_.run();
  server_.join();
  return code_;
}

void Control::on_io(net::IoEvents /*ready*/) noexcept {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof(info)) == sizeof(info)) {
    on_signal(static_cast<int>(info.ssi_signo), info.ssi_uid);
  }
}

void Control::on_signal(int signal, uint32_t sender) {
  switch (signal) {
    case SIGUSR1:
      server_.reopen_logs();
      report();
      break;
    case SIGHUP:
      notify(reloading());
      reloader_.reload({"signal", user_name(sender), {}},
                       [](const Answer& /*answer*/) { notify("READY=1"); });
      break;
    case SIGUSR2:
      upgrade_.start([](const Answer& /*answer*/) {});
      break;
    case SIGCHLD:
      upgrade_.on_child();
      break;
    case SIGINT:
      stop_now();
      break;
    default:
      stop();
      break;
  }
}

void Control::report() {
  PINGAP_LOG(info, "log files reopened{}", counted());
  for (const auto& server : upstreams_.report()) {
    PINGAP_LOG(info, "{}", server.to_string());
  }
}

// Of connections since the start.
std::string Control::counted() const {
  const std::string text = server_.totals().to_string();
  return text.empty() ? text : "; since the start: " + text;
}

Answer Control::pass_sockets() const {
  if (stopping_) {
    return {ExitCode::runtime_failure, "this process is ending\n", {}};
  }
  auto more = side_ == nullptr ? std::vector<proxy::Server::Socket>() : side_->sockets();
  return upgrade_.sockets(commands_ == nullptr ? -1 : commands_->fd(), more,
                          reloader_.current().snapshot->ticket_keys.get());
}

// The process that is there from now on has our sockets, and our place with the service manager.
void Control::hand_over(pid_t to) {
  if (stopping_) {
    return;
  }
  stopping_ = true;
  PINGAP_LOG(info, "process {} has taken over: {} connections are to end here, at most {} s", to,
             server_.connections(),
             std::chrono::duration_cast<std::chrono::seconds>(grace()).count());
  notify(fmt::format("MAINPID={}", to));
  if (commands_ != nullptr) {
    commands_->hand_over();
  }
  if (side_ != nullptr) {
    side_->hand_over();
  }
  server_.hand_over();
  finish_requests();
}

void Control::on_watchdog() noexcept {
  if (const auto interval = watchdog_interval()) {
    notify("WATCHDOG=1");
    loop_.arm(watchdog_, *interval);
  }
}

void Control::stop() {
  if (stopping_) {
    PINGAP_LOG(warn, "second signal: closing {} connections", server_.connections());
    finish(ExitCode::runtime_failure);
    return;
  }
  stopping_ = true;
  PINGAP_LOG(info, "stopping: {} connections, at most {} s", server_.connections(),
             std::chrono::duration_cast<std::chrono::seconds>(grace()).count());
  notify("STOPPING=1");
  upgrade_.stop();
  server_.drain();
  finish_requests();
}

// As somebody at a terminal means it.
void Control::stop_now() {
  const uint32_t connections = server_.connections();
  PINGAP_LOG(info, "stopping at once: closing {} connections", connections);
  if (!std::exchange(stopping_, true)) {
    notify("STOPPING=1");
    upgrade_.stop();
    reloader_.stop();
  }
  finish(connections == 0 ? ExitCode::ok : ExitCode::runtime_failure);
}

void Control::finish_requests() {
  reloader_.stop();
  loop_.arm(deadline_, grace());
  loop_.arm(check_, kStopCheck);
}

void Control::on_check() noexcept {
  if (server_.finished()) {
    PINGAP_LOG(info, "stopped{}", counted());
    loop_.stop();
    return;
  }
  loop_.arm(check_, kStopCheck);
}

void Control::on_deadline() noexcept {
  PINGAP_LOG(warn, "grace period over: closing {} connections", server_.connections());
  finish(ExitCode::runtime_failure);
}

void Control::finish(ExitCode code) {
  code_ = code;
  server_.abort();
  deadline_.cancel();
  loop_.arm(check_, kStopCheck);
}

Duration Control::grace() const noexcept {
  return reloader_.current().snapshot->basic.grace_period;
}

}  // namespace pingap::control

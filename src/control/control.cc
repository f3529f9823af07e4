#include "control/control.h"

#include <csignal>
#include <cstring>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "control/user_name.h"

namespace pingap::control {
namespace {

// How often a stopping process looks whether its workers are done.
constexpr Duration kStopCheck = std::chrono::milliseconds(10);

}  // namespace

Control::Control(Reloader& reloader, proxy::Server& server, proxy::LiveUpstreams& upstreams,
                 net::EventLoop& loop, net::Fd signals)
    : reloader_(reloader),
      server_(server),
      upstreams_(upstreams),
      loop_(loop),
      signals_(std::move(signals)) {
}

ExitCode Control::run() {
  if (auto added = loop_.add_level(signals_.get(), *this); !added) {
    PINGAP_LOG(error, "epoll_ctl: {}", std::strerror(added.error().sys));  // NOLINT
    return ExitCode::runtime_failure;
  }
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
      reloader_.reload({"signal", user_name(sender), {}}, [](const Answer& /*answer*/) {});
      break;
    case SIGUSR2:
      PINGAP_LOG(warn, "signal {} is ignored: this version cannot be replaced as it runs", signal);
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

void Control::stop() {
  if (stopping_) {
    PINGAP_LOG(warn, "second signal: closing {} connections", server_.connections());
    finish(ExitCode::runtime_failure);
    return;
  }
  stopping_ = true;
  PINGAP_LOG(info, "stopping: {} connections, at most {} s", server_.connections(),
             std::chrono::duration_cast<std::chrono::seconds>(grace()).count());
  reloader_.stop();
  server_.drain();
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

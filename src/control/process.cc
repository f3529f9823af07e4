#include "control/process.h"

#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include <fmt/core.h>

#include "base/log.h"
#include "control/load.h"
#include "config/changes.h"
#include "net/event_loop.h"
#include "net/socket.h"
#include "proxy/body_spool.h"
#include "proxy/certificate_watch.h"
#include "proxy/live_upstreams.h"
#include "proxy/server.h"

namespace pingap::control {
namespace {

// How often a stopping process looks whether its workers are done.
constexpr Duration kStopCheck = std::chrono::milliseconds(10);

// How often a reload looks whether they have answered.
constexpr Duration kApplyCheck = std::chrono::milliseconds(10);

// How long a start waits for answers of who knows servers, and a reload.
constexpr Duration kFindServers = std::chrono::seconds(3);

// Handled by reading a descriptor: before any thread exists, so that all of them inherit it.
net::Fd block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2}) {
    sigaddset(&set, signal);
  }
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes fails the write (EFBIG), not the process
  return net::Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

class PidFile {
 public:
  explicit PidFile(std::string path) : path_(std::move(path)) {}

  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;

  ~PidFile() {
    if (written_) {
      ::unlink(path_.c_str());
    }
  }

  bool write() {
    if (path_.empty()) {
      return true;
    }
    const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
    const net::Fd file(::open(path_.c_str(), flags, S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH));
    const std::string text = fmt::format("{}\n", ::getpid());
    written_ =
        file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
    if (!written_) {
      PINGAP_LOG(error, "pid_file {}: {}", path_, std::strerror(errno));  // NOLINT
    }
    return written_;
  }

 private:
  std::string path_;
  bool written_ = false;
};

// Before the first thread, after the sockets and files are open.
bool drop_privileges(const std::optional<Identity>& identity) {
  if (!identity) {
    return true;
  }
  if (const int error = become(*identity)) {
    PINGAP_LOG(error, "cannot become uid {}: {}", identity->uid, std::strerror(error));  // NOLINT
    return false;
  }
  return true;
}

// The control thread while the workers run: signals and the graceful stop.
class Control final : public net::IoHandler {
 public:
  Control(const Options& options, Loaded loaded, proxy::Server& server,
          proxy::LiveUpstreams& upstreams, net::EventLoop& loop, net::Fd signals)
      : options_(options),
        loaded_(std::move(loaded)),
        server_(server),
        upstreams_(upstreams),
        loop_(loop),
        signals_(std::move(signals)) {
    certificates_.emplace(loop_, loaded_.model, *loaded_.snapshot);
  }

  ExitCode run() {
    if (auto added = loop_.add_level(signals_.get(), *this); !added) {
      PINGAP_LOG(error, "epoll_ctl: {}", std::strerror(added.error().sys));  // NOLINT
      return ExitCode::runtime_failure;
    }
    loop_.run();
    server_.join();
    return code_;
  }

  void on_io(net::IoEvents /*ready*/) noexcept override {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof(info)) == sizeof(info)) {
      on_signal(static_cast<int>(info.ssi_signo));
    }
  }

 private:
  void on_signal(int signal) {
    switch (signal) {
      case SIGUSR1:
        server_.reopen_logs();
        PINGAP_LOG(info, "log files reopened{}", counted());
        for (const auto& server : upstreams_.report()) {
          PINGAP_LOG(info, "{}", server.to_string());
        }
        break;
      case SIGHUP:
        reload();
        break;
      case SIGUSR2:
        PINGAP_LOG(warn, "signal {} is ignored: this version cannot be replaced as it runs", signal);
        break;
      default:
        stop();
        break;
    }
  }

  // Of connections since the start.
  std::string counted() const {
    const std::string text = server_.totals().to_string();
    return text.empty() ? text : "; since the start: " + text;
  }

  // ---- another configuration

  // All of it or nothing: what runs goes on until the other one is known to be good.
  void reload() {
    if (stopping_ || next_) {
      again_ = !stopping_;
      return;
    }
    auto loaded = load_snapshot(options_, Check::start, loaded_.snapshot.get());
    if (!loaded) {
      PINGAP_LOG(error, "reload refused: the configuration before stays");
      return;
    }
    if (auto bound = server_.prepare(*loaded->snapshot); !bound) {
      PINGAP_LOG(error, "reload refused: {}", bound.error());
      return;
    }
    next_ = std::move(*loaded);
    upstreams_.prepare(*next_->snapshot);
    apply_by_ = loop_.now() + kFindServers;
    apply();
  }

  void apply() noexcept {
    if (!upstreams_.prepared() && loop_.now() < apply_by_) {
      loop_.arm(apply_timer_, kApplyCheck);
      return;
    }
    const std::string what = config::changes(loaded_.model, next_->model);
    certificates_.reset();
    loaded_ = std::move(*next_);
    next_.reset();
    server_.publish(loaded_.snapshot, loop_);
    upstreams_.commit(loaded_.snapshot);
    certificates_.emplace(loop_, loaded_.model, *loaded_.snapshot);
    log::g_level.store(loaded_.snapshot->basic.log_level);
    PINGAP_LOG(info, "configuration reloaded: {}", what.empty() ? "nothing has changed" : what);
    if (std::exchange(again_, false)) {
      reload();
    }
  }

  void stop() {
    if (stopping_) {
      PINGAP_LOG(warn, "second signal: closing {} connections", server_.connections());
      finish(ExitCode::runtime_failure);
      return;
    }
    stopping_ = true;
    PINGAP_LOG(info, "stopping: {} connections, at most {} s", server_.connections(),
               std::chrono::duration_cast<std::chrono::seconds>(grace()).count());
    server_.drain();
    loop_.arm(deadline_, grace());
    loop_.arm(check_, kStopCheck);
  }

  void on_check() noexcept {
    if (server_.finished()) {
      PINGAP_LOG(info, "stopped{}", counted());
      loop_.stop();
      return;
    }
    loop_.arm(check_, kStopCheck);
  }

  void on_deadline() noexcept {
    PINGAP_LOG(warn, "grace period over: closing {} connections", server_.connections());
    finish(ExitCode::runtime_failure);
  }

  void finish(ExitCode code) {
    code_ = code;
    server_.abort();
    deadline_.cancel();
    loop_.arm(check_, kStopCheck);
  }

  Duration grace() const noexcept { return loaded_.snapshot->basic.grace_period; }

  const Options& options_;
  Loaded loaded_;
  std::optional<Loaded> next_;  // its upstreams look for their servers
  bool again_ = false;          // the configuration may have changed meanwhile
  TimePoint apply_by_{};
  std::optional<proxy::CertificateWatch> certificates_;
  proxy::Server& server_;
  proxy::LiveUpstreams& upstreams_;
  net::EventLoop& loop_;
  net::Fd signals_;
  ExitCode code_ = ExitCode::ok;
  bool stopping_ = false;
  net::Timer apply_timer_{Callback<void()>::of<&Control::apply>(this)};
  net::Timer check_{Callback<void()>::of<&Control::on_check>(this)};
  net::Timer deadline_{Callback<void()>::of<&Control::on_deadline>(this)};
};

// The first requests should find servers, but who does not answer keeps nobody else waiting:
// clients wait at the addresses, which are bound by now.
void wait_for_servers(net::EventLoop& loop, const proxy::LiveUpstreams& upstreams) {
  const TimePoint end = steady_now() + kFindServers;
  while (!upstreams.settled()) {
    const TimePoint now = steady_now();
    if (now >= end) {
      PINGAP_LOG(warn, "not all upstreams know their servers yet: starting without them");
      return;
    }
    loop.run_once(end - now);
  }
}

void announce(const proxy::Server& server) {
  for (const std::string& address : server.addresses()) {
    PINGAP_LOG(info, "listening on {}", address);
  }
  PINGAP_LOG(info, "ready: {} workers", server.workers());
}

}  // namespace

ExitCode run_proxy(const Options& options) {
  auto loaded = load_snapshot(options, Check::start);
  if (!loaded) {
    return loaded.error();
  }
  const config::Basic& basic = loaded->snapshot->basic;
  log::g_level.store(basic.log_level);
  proxy::set_buffer_budget(basic.buffer_budget);
  net::Fd signals = block_signals();
  const uint64_t descriptors = net::raise_descriptor_limit();
  if (descriptors < 1024) {
    PINGAP_LOG(warn, "only {} descriptors: raise the limit (ulimit -Hn, LimitNOFILE=)",
               descriptors);
  }
  auto loop = net::EventLoop::create();
  if (!loop) {
    PINGAP_LOG(error, "cannot create an event loop: errno {}", loop.error().sys);
    return ExitCode::runtime_failure;
  }
  proxy::Server server(loaded->snapshot);
  if (auto bound = server.bind(); !bound) {
    PINGAP_LOG(error, "{}", bound.error());
    return ExitCode::cannot_bind;
  }
  PidFile pid_file(basic.pid_file.value);
  if (!pid_file.write() || !drop_privileges(loaded->identity)) {
    return ExitCode::cannot_bind;
  }
  proxy::LiveUpstreams upstreams(**loop, loaded->snapshot, server);
  wait_for_servers(**loop, upstreams);
  upstreams.serve();
  server.start();
  announce(server);
  Control control(options, std::move(*loaded), server, upstreams, **loop, std::move(signals));
  return control.run();
}

}  // namespace pingap::control

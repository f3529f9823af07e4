#include "control/process.h"

#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/core.h>

#include "base/log.h"
#include "base/print.h"
#include "control/command_server.h"
#include "control/commands.h"
#include "control/config_watch.h"
#include "control/control.h"
#include "control/daemon.h"
#include "control/exporters.h"
#include "control/file_watch.h"
#include "control/history.h"
#include "control/limits.h"
#include "control/load.h"
#include "control/pid_file.h"
#include "control/reloader.h"
#include "control/reporter.h"
#include "control/requests_view.h"
#include "control/storage.h"
#include "control/upgrade.h"
#include "control/user_name.h"
#include "net/event_loop.h"
#include "net/socket.h"
#include "observe/log_output.h"
#include "plugin/fetch.h"
#include "proxy/body_spool.h"
#include "proxy/live_upstreams.h"
#include "proxy/server.h"
#include "proxy/sticky_seed.h"
#include "remote/etcd_source.h"
#include "remote/fetcher.h"

namespace pingap::control {
namespace {

namespace fs = std::filesystem;

// Handled by reading a descriptor: before any thread exists, so that all of them inherit it.
net::Fd block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD}) {
    sigaddset(&set, signal);
  }
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes fails the write (EFBIG), not the process
  return net::Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

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

void announce(const proxy::Server& server, const SideService* side) {
  for (const std::string& address : server.addresses()) {
    PINGAP_LOG(info, "listening on {}", address);
  }
  for (const std::string& address :
       side == nullptr ? std::vector<std::string>() : side->addresses()) {
    PINGAP_LOG(info, "listening on {}", address);
  }
  PINGAP_LOG(info, "ready: {} workers", server.workers());
}

void look_at_limits() {
  const uint64_t descriptors = net::raise_descriptor_limit();
  if (descriptors < 1024) {
    PINGAP_LOG(warn, "only {} descriptors: raise the limit (ulimit -Hn, LimitNOFILE=)",
               descriptors);
  }
}

struct CommandSocket {
  std::string path;
  std::vector<std::string> links;  // that lead there
  net::Fd fd;                      // none: no commands
};

// The sockets of the process before, where we are to take over; else those of the service manager.
// Before the configuration is taken up: secrets that it does not name come with them.
tl::expected<TakenOver, std::string> inherit(const RunOptions& options) {
  TakenOver none;
  if (!options.upgrade) {
    none.sockets = activated_sockets();
    return none;
  }
  config::Diagnostics later;  // load() says what is wrong
  const auto basic = config::load(config::read_sources(options.config, later), later).basic;
  const std::string path = find_command_socket(basic, options.config);
  if (path.empty() || ::access(path.c_str(), F_OK) != 0) {
    PINGAP_LOG(warn, "no process is there to take over from: this is a start as any other");
    return none;
  }
  auto taken = take_over(path);
  if (taken) {
    proxy::set_sticky_seed(taken->sticky_seed);
  }
  return taken;
}

std::string absolute(const std::string& path) {
  std::error_code error;
  return path.empty() ? path : fs::absolute(path, error).string();
}

// Without links.
std::string real_path(const std::string& path) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  return error ? path : real.string();
}

// It is the socket itself, or, by another name of the configuration, perhaps that of another
// process.
bool is_taken(const std::string& link, const std::string& socket, bool by_other_name) {
  std::error_code error;
  return fs::exists(fs::symlink_status(link, error)) && !fs::is_symlink(link, error) &&
         (by_other_name || real_path(link) == real_path(socket));
}

// From where it would be by default: there it is found whatever `upgrade_sock` says later, or
// whatever a link to the configuration is set to.
void lead_to(CommandSocket& socket, const std::string& config) {
  const std::vector<std::string> links = default_command_sockets_of(config);
  for (const std::string& link : links) {
    if (is_taken(link, socket.path, link != links.front())) {
      continue;
    }
    if (auto led = CommandServer::lead(link, socket.path)) {
      socket.links.push_back(link);
    } else {
      PINGAP_LOG(info, "commands find this process by its upgrade_sock only: {}", led.error());
    }
  }
}

// One that was asked for must be there; the process does without the one by default.
tl::expected<CommandSocket, std::string> open_command_socket(const config::Basic& basic,
                                                             const std::string& config,
                                                             net::Fd inherited) {
  CommandSocket socket{absolute(command_socket_of(basic, config)), {}, {}};
  if (inherited) {
    socket = {real_path(find_command_socket(basic, config)), {}, std::move(inherited)};
  }
  if (socket.path.empty()) {
    return socket;
  }
  if (socket.fd) {
    lead_to(socket, config);
    return socket;
  }
  auto fd = CommandServer::listen(socket.path);
  if (fd) {
    socket.fd = std::move(*fd);
    lead_to(socket, config);
  } else if (!basic.upgrade_sock.value.empty()) {
    return tl::make_unexpected(fd.error());
  } else {
    PINGAP_LOG(warn, "no commands will reach this process, but signals: {}", fd.error());
  }
  return socket;
}

// A configuration that was in use before, as the one that is there cannot be.
std::optional<Loaded> load_last_good(const RunOptions& options,
                                     const proxy::InheritedSockets& given) {
  const History history(options.config, 1);
  for (const Revision& head : history.list()) {
    if (head.origin == kUnapplied) {
      continue;
    }
    auto revision = history.read_trusted(head.number);
    if (!revision) {
      PINGAP_LOG(warn, "passed over: {}", revision.error());
      continue;
    }
    if (auto loaded =
            load(history.placed(std::move(revision->texts)), Check::start, nullptr, &given)) {
      loaded->stands_in = fmt::format("revision {} of {}", head.number, head.time);
      PINGAP_LOG(error, "the configuration cannot be used: starting with {}", loaded->stands_in);
      return std::move(*loaded);
    }
  }
  return std::nullopt;
}

tl::expected<Loaded, Refusal> load_to_run(const RunOptions& options, config::Storage& storage,
                                          const proxy::InheritedSockets& given) {
  auto loaded = load(storage, options.upgrade ? Check::take_over : Check::start, nullptr, &given);
  print_error(loaded ? loaded->warnings : loaded.error().report);
  if (!loaded && options.last_good) {
    if (auto before = load_last_good(options, given)) {
      return std::move(*before);
    }
    PINGAP_LOG(error, "no revision of {} can be used instead", storage.name());
  }
  return loaded;
}

// The folder of revisions, for who could not make it any more once privileges are dropped.
void make_history_folder(const History& history, const Loaded& loaded) {
  if (!loaded.identity || !history.on()) {
    return;
  }
  const char* folder = history.folder().c_str();
  const bool made = history.make_folder() == 0;
  // Not through a link that somebody else has put there.
  const net::Fd fd(made ? ::open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1);
  if (!fd || ::fchown(fd.get(), loaded.identity->uid, loaded.identity->gid) != 0) {
    PINGAP_LOG(warn, "no revisions will be kept in {}: {}", folder,
               std::strerror(errno));  // NOLINT
  }
}

// While this is still the user who starts: of the other one it would not use a revision.
void keep_for_last_good(const RunOptions& options, History history, const Loaded& loaded) {
  if (!options.last_good || !loaded.identity || !history.on()) {
    return;
  }
  const auto kept = history.add({0, {}, user_name(::geteuid()), "start", {}, {}, loaded.texts});
  if (kept) {
    history.share_with(*kept, loaded.identity->gid);
  }
}

// While workers serve.
ExitCode serve(const RunOptions& options, config::Storage& storage, History history, Loaded loaded,
               proxy::Server& server, proxy::LiveUpstreams& upstreams, net::EventLoop& loop,
               CommandSocket socket, net::Fd signals, PidFile& pid_file, pid_t before,
               SideService* side, Daemon* daemon) {
  Reloader reloader(storage, std::move(history), std::move(loaded), server, upstreams, loop);
  reloader.keep_first(options.last_good);
  Exporters exporters(loop, side);
  exporters.use(reloader.current());
  reloader.set_export([&exporters](const Loaded& now) { exporters.use(now); });
  Control control(reloader, server, upstreams, loop, std::move(signals),
                  {options.program, options.arguments});
  RequestsView requests(server, loop);
  const Running running{options.build, server,   upstreams,
                        reloader,      requests, [&control] { return control.stopping(); }};
  if (side != nullptr) {
    reloader.set_side_service(*side);
    control.set_side_service(*side);
    side->start(running);
  }
  Commands commands(reloader, control, running, side, server, upstreams, loop);
  std::optional<CommandServer> command_server;
  if (before > 0) {
    pid_file.write();  // where that is not allowed any more, it says so
    if (auto taken = say_taken_over(socket.path, before); !taken) {
      PINGAP_LOG(error, "cannot take over: {}", taken.error());
      pid_file.give_back(before);
      return ExitCode::runtime_failure;
    }
    server.own_files();
  }
  if (socket.fd) {
    command_server.emplace(std::move(socket.fd), std::move(socket.path), std::move(socket.links),
                           loop, commands);
    control.set_command_server(&*command_server);
    command_server->start();
  }
  if (before > 0) {
    reloader.catch_up();  // with what the other one took up since we have read it
  }
  const ConfigWatch told(storage, reloader, loop);
  std::optional<FileWatch> watch;
  if (!storage.can_follow()) {
    watch.emplace(options.config, options.auto_reload, reloader, loop);
  }
  if (daemon != nullptr) {
    daemon->ready();
  }
  const ExitCode code = control.run();
  exporters.finish();
  return code;
}

// Lines to nowhere would be lost, and without a word.
bool can_log(const Daemon* daemon, const config::Logging& logging) {
  const auto target = observe::parse_log_target(logging.output.value);
  if (daemon == nullptr || Daemon::keeps_stderr() || !target ||
      target->kind != observe::LogTarget::Kind::error_stream) {
    return true;
  }
  print_error(
      "error: in the background nobody reads stderr; give [logging] an `output`, such as "
      "a file, or redirect stderr to one (2>>FILE)\n");
  return false;
}

ExitCode run_here(const RunOptions& options, Daemon* daemon) {
  auto before = inherit(options);
  if (!before) {
    PINGAP_LOG(error, "cannot take over: {}", before.error());
    return ExitCode::runtime_failure;
  }
  auto storage = open_storage(options.config);
  if (!storage) {
    print_error(storage.error().report);
    return storage.error().code;
  }
  remote::HttpFetcher fetcher;  // outlives what is loaded
  plugin::set_fetcher(&fetcher);
  auto loaded = load_to_run(options, **storage, before->sockets);
  if (!loaded) {
    return loaded.error().code;
  }
  if (loaded->snapshot->ticket_keys != nullptr) {
    loaded->snapshot->ticket_keys->take(before->ticket_keys);
  }
  if (!can_log(daemon, loaded->model.logging)) {
    return ExitCode::invalid_config;
  }
  const config::Basic& basic = loaded->snapshot->basic;
  log::set_levels(loaded->snapshot->logging.levels);
  log::set_output(nullptr, loaded->snapshot->logging.format);
  proxy::set_buffer_budget(basic.buffer_budget);
  net::Fd signals = block_signals();
  look_at_limits();
  auto loop = net::EventLoop::create();
  if (!loop) {
    PINGAP_LOG(error, "cannot create an event loop: errno {}", loop.error().sys);
    return ExitCode::runtime_failure;
  }
  auto side = options.make_side_service ? options.make_side_service(**loop) : nullptr;
  if (side != nullptr) {
    if (auto bound = side->prepare(loaded->model, before->sockets); !bound) {
      PINGAP_LOG(error, "{}", bound.error());
      return ExitCode::cannot_bind;
    }
    side->commit();
  }
  proxy::Server server(loaded->snapshot);
  Reporter reporter(server, side.get(), **loop);
  // A process that runs has its logs: one that cannot have them does not take over from it.
  const auto bad_logs = options.upgrade ? observe::BadLog::refused : observe::BadLog::later;
  if (auto bound = server.bind(std::move(before->sockets), bad_logs); !bound) {
    PINGAP_LOG(error, "{}", bound.error());
    return ExitCode::cannot_bind;
  }
  auto socket = open_command_socket(basic, options.config, std::move(before->command_socket));
  if (!socket) {
    PINGAP_LOG(error, "{}", socket.error());
    return ExitCode::cannot_bind;
  }
  PidFile pid_file(basic.pid_file.value);
  History history(options.config, loaded->model.basic.history);
  make_history_folder(history, *loaded);
  keep_for_last_good(options, history, *loaded);
  if (loaded->identity && socket->fd) {
    CommandServer::give_to(socket->path, loaded->identity->uid, loaded->identity->gid);
  }
  const bool first = before->from == 0;  // else the file is the other's until it has ended its part
  if ((first && !pid_file.write()) || !drop_privileges(loaded->identity)) {
    return ExitCode::cannot_bind;
  }
  proxy::LiveUpstreams upstreams(**loop, loaded->snapshot, server, remote::make_etcd_source);
  upstreams.set_own(listening(server, side.get()));
  wait_for_servers(**loop, upstreams);
  upstreams.serve();
  server.start();
  announce(server, side.get());
  return serve(options, **storage, std::move(history), std::move(*loaded), server, upstreams,
               **loop, std::move(*socket), std::move(signals), pid_file, before->from, side.get(),
               daemon);
}

}  // namespace

ExitCode run_proxy(const RunOptions& options) {
  // One that takes over is started by the process that it follows, which waits for this very one.
  if (!options.daemon || options.upgrade) {
    return run_here(options, nullptr);
  }
  auto daemon = Daemon::detach();
  return daemon ? run_here(options, &*daemon) : daemon.error();
}

}  // namespace pingap::control

#include "control/upgrade.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

#include "base/log.h"
#include "control/command_client.h"
#include "control/lines.h"
#include "net/socket.h"
#include "proxy/sticky_seed.h"

extern char** environ;  // NOLINT(readability-redundant-declaration)

namespace pingap::control {
namespace {

// For a new process to read its configuration, find servers and begin to serve.
constexpr Duration kPatience = std::chrono::seconds(60);

constexpr const char* kOption = "--upgrade";
constexpr std::string_view kCommandSocket = "command";  // instead of an address

// Ours, without what the service manager said to this process only.
std::vector<char*> environment_to_pass_on() {
  constexpr std::array<std::string_view, 4> kOurs = {
      "WATCHDOG_PID=", "LISTEN_PID=", "LISTEN_FDS=", "LISTEN_FDNAMES="};
  std::vector<char*> passed;
  for (char** one = environ; *one != nullptr; ++one) {
    const std::string_view entry = *one;
    if (std::ranges::none_of(kOurs, [&](auto name) { return entry.starts_with(name); })) {
      passed.push_back(*one);
    }
  }
  passed.push_back(nullptr);
  return passed;
}

// The child has copies of all descriptors at first. While it has, a connection that a worker closes
// stays known to epoll, which then tells of events for what is no more: so workers wait, and none
// of the copies is there any more when this returns.
int spawn(const Upgrade::Program& program, pid_t& child) {
  std::vector<std::string> words = program.arguments;
  words.insert(words.begin(), program.path);
  if (std::ranges::find(words, kOption) == words.end()) {
    words.emplace_back(kOption);
  }
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) {
    arguments.push_back(word.data());
  }
  arguments.push_back(nullptr);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  const int error = ::posix_spawn(&child, program.path.c_str(), &actions, &attributes,
                                  arguments.data(), environment_to_pass_on().data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  return error;
}

std::string to_hex(std::string_view bytes) {
  std::string hex;
  for (const char byte : bytes) {
    hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  }
  return hex;
}

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    unsigned char byte = 0;
    std::from_chars(hex.data() + i, hex.data() + i + 2, byte, 16);
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

// 0 where it is none.
pid_t pid_of(std::string_view text) {
  const auto number = number_of(text);
  return number && *number <= INT_MAX ? static_cast<pid_t>(*number) : 0;
}

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before any thread
  return value == nullptr ? std::string_view{} : value;
}

std::string how_it_ended(int status) {
  return WIFSIGNALED(status) ? fmt::format("by signal {}", WTERMSIG(status))
                             : fmt::format("with exit code {}", WEXITSTATUS(status));
}

}  // namespace

Upgrade::Upgrade(Program program, proxy::Server& server, net::EventLoop& loop,
                 std::function<void(pid_t)> on_taken_over)
    : program_(std::move(program)),
      server_(server),
      loop_(loop),
      on_taken_over_(std::move(on_taken_over)) {
}

void Upgrade::start(Done done) {
  if (taken_ || stopped_) {
    done({ExitCode::runtime_failure, "another process has taken over already, or this one ends\n"});
    return;
  }
  waiting_.push_back(std::move(done));
  if (::getpid() == 1) {
    end({ExitCode::runtime_failure,
         "this is process 1 of its container, which ends with it: start another container\n",
         {}});
    return;
  }
  if (child_ > 0) {
    return;  // whoever waits is told the same
  }
  int error = 0;
  server_.while_workers_wait([&] { error = spawn(program_, child_); });
  if (error != 0) {
    child_ = 0;
    end({ExitCode::runtime_failure,
         fmt::format("cannot start {}: {}\n", program_.path,
                     std::generic_category().message(error)),
         {}});
    return;
  }
  PINGAP_LOG(info, "upgrade: started {} as process {}", program_.path, child_);
  given_up_ = false;
  loop_.arm(timer_, kPatience);
}

void Upgrade::stop() {
  stopped_ = true;
  if (child_ > 0 && !taken_) {
    ::kill(child_, SIGTERM);
  }
}

void Upgrade::on_child() {
  int status = 0;
  const pid_t ended = ::waitpid(-1, &status, WNOHANG);
  if (ended <= 0 || ended != child_) {
    return;
  }
  child_ = 0;
  if (!taken_) {
    end({ExitCode::runtime_failure,
         fmt::format("the new process ended {}: its messages are where this one's are; this one "
                     "goes on\n",
                     how_it_ended(status)),
         {}});
  }
}

void Upgrade::on_timer() noexcept {
  given_up_ = true;
  PINGAP_LOG(error, "upgrade: process {} does not come to serve: it is ended", child_);
  ::kill(child_, SIGKILL);  // on_child() tells
}

void Upgrade::end(const Answer& answer) {
  timer_.cancel();
  if (answer.code != ExitCode::ok) {
    PINGAP_LOG(error, "upgrade failed: {}", answer.text.substr(0, answer.text.find('\n')));
  }
  for (const Done& done : std::exchange(waiting_, {})) {
    done(answer);
  }
}

Answer Upgrade::sockets(int command_socket, const std::vector<proxy::Server::Socket>& more,
                        tls::TicketKeys* ticket_keys) const {
  if (taken_) {
    return {ExitCode::runtime_failure, "another process has taken over already\n", {}};
  }
  Answer answer;
  answer.descriptors = std::make_shared<std::vector<net::Fd>>();
  bool whole = true;
  const auto add = [&](std::string_view name, int fd) {
    answer.text += fmt::format("{}\n", name);
    answer.descriptors->emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    whole = whole && answer.descriptors->back();
  };
  for (const auto& [address, fd] : server_.sockets()) {
    add(address, fd);
  }
  for (const auto& [address, fd] : more) {
    add(address, fd);
  }
  if (command_socket >= 0) {
    add(kCommandSocket, command_socket);
  }
  if (!whole) {
    return {ExitCode::runtime_failure, "no descriptors are left to pass the sockets with\n", {}};
  }
  answer.text +=
      fmt::format("pid: {}\nsticky_seed: {}\n", ::getpid(), to_hex(proxy::sticky_seed()));
  if (ticket_keys != nullptr) {
    answer.text += fmt::format("ticket_keys: {}\n", to_hex(ticket_keys->pass_on()));
  }
  return answer;
}

Answer Upgrade::taken_over(std::string_view pid) {
  const pid_t number = pid_of(pid);
  // Said by one that has ended since, or to itself: nobody would serve.
  const bool serves = number > 0 && number != ::getpid() && ::kill(number, 0) == 0;
  if (taken_ || stopped_ || !serves || (given_up_ && number == child_)) {
    return {ExitCode::runtime_failure, "this process is ending\n", {}};
  }
  taken_ = true;
  end({ExitCode::ok, fmt::format("process {} has taken over\n", number)});
  on_taken_over_(number);
  return {};
}

// ---- the new process

tl::expected<TakenOver, std::string> take_over(const std::string& path) {
  auto answer = ask(path, {"sockets", {}, {}});
  if (!answer) {
    return tl::make_unexpected(answer.error());
  }
  if (answer->code != ExitCode::ok || answer->descriptors == nullptr) {
    return tl::make_unexpected(answer->text.substr(0, answer->text.find('\n')));
  }
  TakenOver taken;
  std::string_view names = answer->text;
  for (net::Fd& fd : *answer->descriptors) {
    const std::string name(take_line(names));
    if (name == kCommandSocket) {
      taken.command_socket = std::move(fd);
    } else {
      taken.sockets.add(name, std::move(fd));
    }
  }
  taken.from = pid_of(field_of(names, "pid: "));
  taken.sticky_seed = from_hex(field_of(names, "sticky_seed: "));
  taken.ticket_keys = from_hex(field_of(names, "ticket_keys: "));
  if (taken.from <= 0 || taken.sticky_seed.empty()) {
    return tl::make_unexpected("the process before has not passed on all that it has");
  }
  return taken;
}

tl::expected<void, std::string> say_taken_over(const std::string& path, pid_t from) {
  const auto answer = ask(path, {"taken_over", {{"pid", std::to_string(::getpid())}}, {}}, from);
  if (!answer && from > 0 && ::kill(from, 0) != 0 && errno == ESRCH) {
    return {};  // it has crashed meanwhile
  }
  if (!answer) {
    return tl::make_unexpected(answer.error());
  }
  if (answer->code != ExitCode::ok) {
    return tl::make_unexpected(answer->text.substr(0, answer->text.find('\n')));
  }
  return {};
}

proxy::InheritedSockets activated_sockets() {
  constexpr int kFirst = 3;  // SD_LISTEN_FDS_START
  proxy::InheritedSockets sockets;
  if (pid_of(environment("LISTEN_PID")) != ::getpid()) {
    return sockets;
  }
  constexpr uint64_t kMost = 1024;
  const auto count = std::min(number_of(environment("LISTEN_FDS")).value_or(0), kMost);
  std::string_view names = environment("LISTEN_FDNAMES");
  for (uint64_t i = 0; i < count; ++i) {
    net::Fd fd(kFirst + static_cast<int>(i));
    ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
    ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);  // NOLINT
    const std::string_view name = names.substr(0, names.find(':'));
    names.remove_prefix(std::min(names.size(), name.size() + 1));
    const net::Address address = net::local_address(fd.get());
    sockets.add(address.to_string(), std::move(fd), std::string(name));
  }
  return sockets;
}

}  // namespace pingap::control

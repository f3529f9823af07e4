#include "control/command_server.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <sys/socket.h>
#include <sys/stat.h>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/file_access.h"
#include "base/log.h"
#include "control/user_name.h"
#include "net/address.h"
#include "net/socket.h"

namespace pingap::control {
namespace {

constexpr size_t kMaxConnections = 16;

// For a request to come, and for an answer to be taken.
constexpr Duration kPatience = std::chrono::seconds(30);

std::string reason(int error) {
  return std::generic_category().message(error);
}

// The folder of sockets, where there is none yet. One in which others could take our socket away
// and put theirs is not used.
int make_folder(const std::string& path) {
  const std::string folder = folder_of(path);
  if (::mkdir(folder.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
    return errno;
  }
  struct stat status{};
  if (::stat(folder.c_str(), &status) != 0) {
    return errno;
  }
  const bool ours = status.st_uid == ::geteuid() || status.st_uid == 0;
  const bool others_write = (status.st_mode & (S_IWGRP | S_IWOTH)) != 0;
  return ours && (!others_write || (status.st_mode & S_ISVTX) != 0) ? 0 : EPERM;
}

}  // namespace

class CommandServer::Connection final : public net::IoHandler,
                                        public std::enable_shared_from_this<Connection> {
 public:
  Connection(CommandServer& server, net::Fd fd, uid_t user)
      : server_(server), fd_(std::move(fd)), user_(user) {
    server_.loop_.arm(timer_, kPatience);
  }

  bool start() noexcept { return server_.loop_.add(fd_.get(), *this).has_value(); }

  void on_io(net::IoEvents /*ready*/) noexcept override {
    if (closed_) {
      return;  // forgotten in this turn
    }
    if (reading_) {
      read();
    } else {
      write();
    }
  }

 private:
  void read() {
    std::array<char, 64 * 1024> buffer;
    for (;;) {
      const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
      if (got > 0) {
        in_.append(buffer.data(), static_cast<size_t>(got));
      }
      if ((got < 0 && errno != EAGAIN && errno != EINTR) || in_.size() > kMaxCommand) {
        close();
        return;
      }
      if (got < 0 && errno == EAGAIN) {
        return;
      }
      if (got == 0) {
        run();
        return;
      }
    }
  }

  void run() {
    reading_ = false;
    timer_.cancel();  // what is asked for may take its time
    const auto command = parse_command(in_);
    if (!command) {
      answer({ExitCode::usage, "this process does not understand that: it is another version\n"});
      return;
    }
    const std::weak_ptr<Connection> self = weak_from_this();
    server_.handler_.on_command(*command, user_name(user_), [self](const Answer& answer) {
      if (const auto connection = self.lock()) {
        connection->answer(answer);
      }
    });
  }

  void answer(const Answer& answer) {
    if (closed_) {
      return;
    }
    out_ = to_text(answer);
    descriptors_ = answer.descriptors;
    server_.loop_.arm(timer_, kPatience);
    write();
  }

  void write() {
    while (sent_ < out_.size()) {
      const ssize_t sent = send_some();
      if (sent < 0 && errno == EAGAIN) {
        return;
      }
      if (sent < 0 && errno != EINTR) {
        break;
      }
      sent_ += sent > 0 ? static_cast<size_t>(sent) : 0;
    }
    if (!out_.empty()) {
      close();
    }
  }

  // What is passed goes with the first byte of its line, which is behind that of the code.
  ssize_t send_some() noexcept {
    const std::string_view rest = std::string_view(out_).substr(sent_);
    const bool starts_line = sent_ > 0 && out_[sent_ - 1] == '\n';
    const bool passes = descriptors_ != nullptr && passed_ < descriptors_->size();
    if (!passes) {
      return ::send(fd_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    }
    const std::string_view line = rest.substr(0, rest.find('\n') + 1);
    if (!starts_line) {
      return ::send(fd_.get(), line.data(), line.size(), MSG_NOSIGNAL);
    }
    const ssize_t sent = send_with(line, descriptors_->at(passed_).get());
    passed_ += sent > 0 ? 1U : 0U;
    return sent;
  }

  ssize_t send_with(std::string_view line, int descriptor) const noexcept {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    iovec piece{const_cast<char*>(line.data()), line.size()};  // NOLINT: it is only read
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* one = CMSG_FIRSTHDR(&message);
    one->cmsg_level = SOL_SOCKET;
    one->cmsg_type = SCM_RIGHTS;
    one->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(one), &descriptor, sizeof(int));
    return ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
  }

  void close() noexcept {
    closed_ = true;
    server_.forget(fd_.get());
  }

  CommandServer& server_;
  net::Fd fd_;
  uid_t user_;
  bool reading_ = true;
  bool closed_ = false;
  std::string in_;
  std::string out_;
  size_t sent_ = 0;
  std::shared_ptr<std::vector<net::Fd>> descriptors_;
  size_t passed_ = 0;  // of them
  net::Timer timer_{Callback<void()>::of<&Connection::close>(this)};
};

tl::expected<net::Fd, std::string> CommandServer::listen(const std::string& path) {
  const auto fail = [&](int error, std::string_view hint) {
    return tl::make_unexpected(fmt::format("cannot listen on upgrade_sock {}: {}{}{}", path,
                                           reason(error), hint.empty() ? "" : "; ", hint));
  };
  const auto address = net::Address::parse("unix:" + path);
  if (!address) {
    return fail(ENAMETOOLONG, "a path of at most 107 bytes");
  }
  if (const int error = make_folder(path)) {
    return fail(error,
                error == EPERM
                    ? "its folder must be of this user or of root, and nobody else may write to it"
                    : "");
  }
  const mode_t mask = ::umask(S_IRWXG | S_IRWXO | S_IXUSR);  // no thread is there yet
  auto socket = net::listen_on(*address);
  ::umask(mask);
  if (!socket) {
    return fail(socket.error().sys, socket.error().sys == EADDRINUSE
                                        ? "a process runs with this configuration already"
                                        : "");
  }
  return std::move(*socket);
}

void CommandServer::give_to(const std::string& path, uid_t user, gid_t group) noexcept {
  constexpr std::string_view kMadeByUs = "/run/pingap";
  const std::string folder = folder_of(path);
  if (::lchown(path.c_str(), user, group) != 0 ||
      (folder == kMadeByUs && ::lchown(folder.c_str(), user, group) != 0)) {
    PINGAP_LOG(warn, "upgrade_sock {}: {}", path, reason(errno));
  }
}

tl::expected<void, std::string> CommandServer::lead(const std::string& link,
                                                    const std::string& path) {
  const auto fail = [&](int error) {
    return tl::make_unexpected(fmt::format("no link {} to upgrade_sock: {}", link, reason(error)));
  };
  if (const int error = make_folder(link)) {
    return fail(error);
  }
  const std::string made = link + ".new";
  ::unlink(made.c_str());
  if (::symlink(path.c_str(), made.c_str()) != 0 || ::rename(made.c_str(), link.c_str()) != 0) {
    return fail(errno);
  }
  return {};
}

CommandServer::CommandServer(net::Fd socket, std::string path, std::vector<std::string> links,
                             net::EventLoop& loop, CommandHandler& handler)
    : socket_(std::move(socket)),
      path_(std::move(path)),
      links_(std::move(links)),
      loop_(loop),
      handler_(handler) {
}

void CommandServer::start() {
  if (auto added = loop_.add_level(socket_.get(), *this); !added) {
    PINGAP_LOG(error, "upgrade_sock: epoll_ctl: {}", reason(added.error().sys));
  }
}

CommandServer::~CommandServer() {
  if (socket_) {
    loop_.remove(socket_.get());
    ::unlink(path_.c_str());
    for (const std::string& link : links_) {
      std::error_code error;  // of a link that is another process's by now, or gone
      if (std::filesystem::read_symlink(link, error) == path_) {
        ::unlink(link.c_str());
      }
    }
  }
}

void CommandServer::hand_over() noexcept {
  loop_.remove(socket_.get());  // its description lives on
  socket_.reset();
}

void CommandServer::on_io(net::IoEvents /*ready*/) noexcept {
  for (;;) {
    net::Fd fd(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) {
      return;
    }
    accept_one(std::move(fd));
  }
}

void CommandServer::accept_one(net::Fd fd) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return;
  }
  if (peer.uid != 0 && peer.uid != ::geteuid()) {
    PINGAP_LOG(warn, "upgrade_sock: user {} may not give orders", user_name(peer.uid));
    return;
  }
  if (connections_.size() >= kMaxConnections) {
    PINGAP_LOG(warn, "upgrade_sock: more than {} connections", kMaxConnections);
    return;
  }
  const int key = fd.get();
  auto connection = std::make_shared<Connection>(*this, std::move(fd), peer.uid);
  if (connection->start()) {
    connections_.emplace(key, std::move(connection));
  }
}

// Not from inside what it is called by, nor before other events of the turn that name it.
void CommandServer::forget(int fd) {
  const auto found = connections_.find(fd);
  if (found != connections_.end()) {
    loop_.post([gone = std::move(found->second)] {});
    connections_.erase(found);
  }
}

}  // namespace pingap::control

#include "control/command_client.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <span>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

#include "net/address.h"
#include "net/fd.h"

namespace pingap::control {
namespace {

tl::unexpected<std::string> failure(const std::string& socket, int error) {
  if (error == EAGAIN) {
    return tl::make_unexpected(fmt::format("the process at {} does not answer", socket));
  }
  const bool gone = error == ENOENT || error == ECONNREFUSED;
  return tl::make_unexpected(
      fmt::format("no process answers at {}: {}{}", socket, std::generic_category().message(error),
                  gone ? "; is pingap running with this configuration, and as this user?" : ""));
}

// Another user could listen there to be told secrets. Root has a configuration that names the
// socket, and it may be of the user that the process runs as.
bool is_trusted(int fd) noexcept {
  if (::geteuid() == 0) {
    return true;
  }
  ucred peer{};
  socklen_t size = sizeof(peer);
  return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
         (peer.uid == 0 || peer.uid == ::geteuid());
}

int send_all(int fd, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EINTR) {
      return errno;
    }
    text.remove_prefix(sent > 0 ? static_cast<size_t>(sent) : 0);
  }
  return ::shutdown(fd, SHUT_WR) == 0 ? 0 : errno;
}

// Of each call; then it fails with EAGAIN.
void set_patience(int fd, Duration longest) noexcept {
  const auto all = std::chrono::duration_cast<std::chrono::microseconds>(longest).count();
  const timeval time{all / 1'000'000, all % 1'000'000};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time));
}

// A piece of the answer, and what is passed with it.
ssize_t receive(int fd, std::span<char> buffer, std::vector<net::Fd>& descriptors) {
  constexpr size_t kMost = 253;  // SCM_MAX_FD
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMost * sizeof(int))> control;
  iovec piece{buffer.data(), buffer.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t got = ::recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
  for (cmsghdr* one = got < 0 ? nullptr : CMSG_FIRSTHDR(&message); one != nullptr;
       one = CMSG_NXTHDR(&message, one)) {
    if (one->cmsg_level == SOL_SOCKET && one->cmsg_type == SCM_RIGHTS) {
      std::vector<int> numbers((one->cmsg_len - CMSG_LEN(0)) / sizeof(int));
      std::memcpy(numbers.data(), CMSG_DATA(one), numbers.size() * sizeof(int));
      for (const int number : numbers) {
        descriptors.emplace_back(number);
      }
    }
  }
  return got;
}

int receive_all(int fd, std::string& text, std::vector<net::Fd>& descriptors, pid_t alive) {
  std::array<char, 64 * 1024> buffer;
  while (text.size() <= kMaxCommand) {
    const ssize_t got = receive(fd, buffer, descriptors);
    if (got == 0) {
      return 0;
    }
    if (got < 0 && errno == EAGAIN && alive > 0 && ::kill(alive, 0) == 0) {
      continue;  // it takes its time
    }
    if (got < 0 && errno != EINTR) {
      return errno;
    }
    text.append(buffer.data(), got > 0 ? static_cast<size_t>(got) : 0);
  }
  return EMSGSIZE;
}

}  // namespace

tl::expected<Answer, std::string> ask(const std::string& socket, const Command& command,
                                      pid_t alive, Duration longest) {
  const auto address = net::Address::parse("unix:" + socket);
  if (!address) {
    return failure(socket, ENAMETOOLONG);
  }
  const net::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (longest > Duration::zero()) {
    set_patience(fd.get(), longest);
  }
  if (!fd || ::connect(fd.get(), address->get(), address->size()) != 0) {
    return failure(socket, errno);
  }
  if (!is_trusted(fd.get())) {
    return tl::make_unexpected(
        fmt::format("who listens at {} is neither root nor this user: it is told nothing", socket));
  }
  if (alive > 0) {
    set_patience(fd.get(), std::chrono::seconds(1));
  }
  std::string text;
  auto descriptors = std::make_shared<std::vector<net::Fd>>();
  int error = send_all(fd.get(), to_text(command));
  if (error == 0) {
    error = receive_all(fd.get(), text, *descriptors, alive);
  }
  if (error != 0) {
    return failure(socket, error);
  }
  auto answer = parse_answer(text);
  if (!answer) {
    return tl::make_unexpected(fmt::format("the process at {} ended without an answer", socket));
  }
  answer->descriptors = std::move(descriptors);
  return std::move(*answer);
}

}  // namespace pingap::control

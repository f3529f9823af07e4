#include "net/socket.h"

#include <array>
#include <cerrno>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/file_access.h"

namespace pingap::net {
namespace {

constexpr int kBacklog = 4096;  // the kernel cuts it to net.core.somaxconn (security.md RE-20)

Error system_error(const char* what) noexcept {
  return {ErrorCode::io, Side::local, Retry::never, errno, what};
}

void enable(int fd, int level, int option) noexcept {
  const int on = 1;
  ::setsockopt(fd, level, option, &on, sizeof(on));
}

// A socket file nobody listens on is left over from a crash.
void remove_stale_socket(const Address& address) noexcept {
  struct stat info{};
  if (::lstat(address.c_path(), &info) != 0 || !S_ISSOCK(info.st_mode)) {
    return;
  }
  Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (probe && ::connect(probe.get(), address.get(), address.size()) != 0 &&
      errno == ECONNREFUSED) {
    ::unlink(address.c_path());
  }
}

// Bound, and no connection comes to it yet: only those that listen get any.
enum class Port : bool { ours, shared };

Result<Fd> bind_to(const Address& address, Port port) noexcept {
  Fd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) {
    return tl::unexpected(system_error("socket"));
  }
  if (!address.is_unix()) {
    enable(fd.get(), SOL_SOCKET, SO_REUSEADDR);
    if (port == Port::shared) {
      enable(fd.get(), SOL_SOCKET, SO_REUSEPORT);
    }
    enable(fd.get(), IPPROTO_TCP, TCP_NODELAY);  // inherited by what is accepted
    if (address.family() == AF_INET6) {
      enable(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY);  // 0.0.0.0 and [::] may both be listed
    }
  }
  if (::bind(fd.get(), address.get(), address.size()) != 0) {
    return tl::unexpected(system_error("bind"));
  }
  return fd;
}

Result<> try_unix_socket(const Address& address) {
  struct stat info{};
  if (::lstat(address.c_path(), &info) == 0 && !S_ISSOCK(info.st_mode)) {
    errno = EEXIST;
    return tl::unexpected(system_error("bind"));
  }
  errno = try_to_create(address.c_path());
  return errno == 0 ? Result<>{} : tl::unexpected(system_error("bind"));
}

}  // namespace

Result<Fd> listen_on(const Address& address) noexcept {
  if (address.is_unix()) {
    remove_stale_socket(address);
  }
  auto fd = bind_to(address, Port::shared);
  if (fd && ::listen(fd->get(), kBacklog) != 0) {
    return tl::unexpected(system_error("listen"));
  }
  return fd;
}

Result<> try_to_listen_on(const Address& address) {
  if (address.is_unix()) {
    return try_unix_socket(address);  // binding would create the file
  }
  // The kernel looks whether the address is ours and the port allowed before who has the port.
  const auto fd = bind_to(address, Port::shared);
  if (!fd && fd.error().sys != EADDRINUSE) {
    return tl::unexpected(fd.error());
  }
  return {};
}

Result<> expect_free(const Address& address) noexcept {
  const auto fd = address.is_unix() ? Result<Fd>{} : bind_to(address, Port::ours);
  return fd ? Result<>{} : tl::unexpected(fd.error());
}

Address local_address(int fd) noexcept {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size);
  return Address::from(reinterpret_cast<const sockaddr*>(&storage), size);
}

Result<Fd> connect_to(const Address& address, bool& in_progress) noexcept {
  Fd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) {
    return tl::unexpected(system_error("socket"));
  }
  if (!address.is_unix()) {
    enable(fd.get(), IPPROTO_TCP, TCP_NODELAY);
  }
  in_progress = false;
  if (::connect(fd.get(), address.get(), address.size()) != 0) {
    if (errno != EINPROGRESS) {
      return tl::unexpected(system_error("connect"));
    }
    in_progress = true;
  }
  return fd;
}

int connect_result(int fd) noexcept {
  int error = 0;
  socklen_t size = sizeof(error);
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

void stop_new_connections(int fd) noexcept {
  // Classic BPF over the TCP header: drop where SYN is set and ACK is not (flags at byte 13).
  std::array<sock_filter, 5> code = {{
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
  }};
  const sock_fprog program{.len = code.size(), .filter = code.data()};
  ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

uint64_t raise_descriptor_limit() noexcept {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

}  // namespace pingap::net

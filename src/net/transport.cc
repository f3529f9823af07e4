#include "net/transport.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "net/socket.h"

namespace pingap::net {
namespace {

constexpr unsigned kSplice = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;

// Calls of the kernel by their numbers: the C library's recv() and send() are cancellation points,
// which costs a process with threads some forty instructions a call. No thread of ours is ever
// cancelled.

IoResult failure(size_t bytes) noexcept {
  if (errno == EAGAIN || errno == EWOULDBLOCK) {
    return {.status = IoStatus::would_block, .bytes = bytes};
  }
  return {.status = IoStatus::failed, .error = errno, .bytes = bytes};
}

// A read that does not fill its room has drained the socket: its next bytes raise a new event.
IoResult received(ssize_t got, size_t room) noexcept {
  if (got > 0) {
    const auto bytes = static_cast<size_t>(got);
    return {.more = bytes == room, .bytes = bytes};
  }
  return got == 0 ? IoResult{.status = IoStatus::eof} : failure(0);
}

size_t size_of(std::span<const iovec> rooms) noexcept {
  size_t size = 0;
  for (const iovec& room : rooms) {
    size += room.iov_len;
  }
  return size;
}

ssize_t send_some(int fd, const ByteQueue& from, int flags) noexcept {
  if (from.slices() == 1) {
    const std::string_view only = from.front();
    return ::syscall(SYS_sendto, fd, only.data(), only.size(), flags, nullptr, 0);
  }
  std::array<iovec, 16> slots;  // filled by gather
  const std::span<iovec> filled = from.gather(slots);
  msghdr message{};
  message.msg_iov = filled.data();
  message.msg_iovlen = filled.size();
  return ::syscall(SYS_sendmsg, fd, &message, flags);
}

}  // namespace

IoResult SocketTransport::read(std::span<char> room) noexcept {
  ssize_t got = 0;
  do {
    got = ::syscall(SYS_recvfrom, fd_.get(), room.data(), room.size(), 0, nullptr, nullptr);
  } while (got < 0 && errno == EINTR);
  return received(got, room.size());
}

IoResult SocketTransport::read_many(std::span<const iovec> rooms) noexcept {
  ssize_t got = 0;
  do {
    got = ::readv(fd_.get(), rooms.data(), static_cast<int>(rooms.size()));
  } while (got < 0 && errno == EINTR);
  return received(got, size_of(rooms));
}

IoResult SocketTransport::write(ByteQueue& from, End end) noexcept {
  const int flags = MSG_NOSIGNAL | (end == End::yes ? MSG_MORE : 0);
  size_t total = 0;
  while (!from.empty()) {
    const ssize_t put = send_some(fd_.get(), from, flags);
    if (put < 0) {
      if (errno == EINTR) {
        continue;
      }
      return failure(total);
    }
    total += static_cast<size_t>(put);
    from.consume(static_cast<size_t>(put));
  }
  return {.bytes = total};
}

IoResult SocketTransport::read_to(Pipe& pipe, size_t max) noexcept {
  ssize_t got = 0;
  do {
    got = ::splice(fd_.get(), nullptr, pipe.write_end(), nullptr, max, kSplice);
  } while (got < 0 && errno == EINTR);
  if (got > 0) {
    pipe.filled(static_cast<size_t>(got));
  }
  return received(got, static_cast<size_t>(got));  // how full is not known: try again
}

IoResult SocketTransport::write_from(Pipe& pipe, size_t max) noexcept {
  size_t total = 0;
  while (total < max) {
    const ssize_t put =
        ::splice(pipe.read_end(), nullptr, fd_.get(), nullptr, max - total, kSplice);
    if (put <= 0) {
      if (put < 0 && errno == EINTR) {
        continue;
      }
      return failure(total);
    }
    total += static_cast<size_t>(put);
    pipe.drained(static_cast<size_t>(put));
  }
  return {.bytes = total};
}

void SocketTransport::shutdown_write() noexcept {
  ::shutdown(fd_.get(), SHUT_WR);
}

void SocketTransport::abort_on_close() noexcept {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

int SocketTransport::take_error() noexcept {
  return connect_result(fd_.get());
}

}  // namespace pingap::net

#include "net/transport.h"

#include <array>
#include <cerrno>
#include <sys/socket.h>

#include "net/socket.h"

namespace pingap::net {
namespace {

IoResult failure(size_t bytes) noexcept {
  if (errno == EAGAIN || errno == EWOULDBLOCK) {
    return {IoStatus::would_block, bytes, 0};
  }
  return {IoStatus::failed, bytes, errno};
}

ssize_t send_some(int fd, const ByteQueue& from) noexcept {
  if (from.slices() == 1) {
    const std::string_view only = from.front();
    return ::send(fd, only.data(), only.size(), MSG_NOSIGNAL);
  }
  std::array<iovec, 16> slots;  // filled by gather
  const std::span<iovec> filled = from.gather(slots);
  msghdr message{};
  message.msg_iov = filled.data();
  message.msg_iovlen = filled.size();
  return ::sendmsg(fd, &message, MSG_NOSIGNAL);
}

}  // namespace

IoResult SocketTransport::read(std::span<char> room) noexcept {
  ssize_t got = 0;
  do {
    got = ::recv(fd_.get(), room.data(), room.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got > 0) {
    return {IoStatus::progress, static_cast<size_t>(got), 0};
  }
  if (got == 0) {
    return {IoStatus::eof, 0, 0};
  }
  return failure(0);
}

IoResult SocketTransport::write(ByteQueue& from) noexcept {
  size_t total = 0;
  while (!from.empty()) {
    const ssize_t put = send_some(fd_.get(), from);
    if (put < 0) {
      if (errno == EINTR) {
        continue;
      }
      return failure(total);
    }
    total += static_cast<size_t>(put);
    from.consume(static_cast<size_t>(put));
  }
  return {IoStatus::progress, total, 0};
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

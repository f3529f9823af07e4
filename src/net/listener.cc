#include "net/listener.h"

#include <cerrno>
#include <sys/socket.h>

#include "base/log.h"
#include "net/socket.h"

namespace pingap::net {
namespace {

// Accepted per turn and listener, so that a storm of connections does not starve the others.
constexpr int kAcceptsPerTurn = 64;
// More than a queue holds: a listener that drains takes all that waits, and yet does not follow for
// ever somebody who connects as fast as it accepts.
constexpr int kAcceptsOfAQueue = 4097;
constexpr Duration kPause = std::chrono::milliseconds(100);

}  // namespace

Listener::Listener(EventLoop& loop, Fd socket, AcceptHandler& handler) noexcept
    : loop_(loop), socket_(std::move(socket)), handler_(handler) {
}

Listener::~Listener() {
  close();
}

// Other workers may hold the same socket (unix): then closing our descriptor of it does not end
// its events here.
void Listener::close() noexcept {
  timer_.cancel();
  if (socket_) {
    loop_.remove(socket_.get());
    socket_.reset();
  }
}

Result<> Listener::start() noexcept {
  return loop_.add_level(socket_.get(), *this);
}

void Listener::on_io(IoEvents /*ready*/) noexcept {
  accept_some();
}

void Listener::accept_some() noexcept {
  const int most = draining_ ? kAcceptsOfAQueue : kAcceptsPerTurn;
  for (int i = 0; i < most; ++i) {
    sockaddr_storage storage;  // filled by the kernel
    socklen_t size = sizeof(storage);
    auto* peer = reinterpret_cast<sockaddr*>(&storage);
    Fd fd(::accept4(socket_.get(), peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
      handler_.on_accept(std::move(fd), Address::from(peer, size));
      continue;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      PINGAP_LOG(warn, "accept: out of descriptors or memory (errno {}), pausing 100 ms", errno);
      pause(kPause);
      return;
    }
    if (errno != EINTR && errno != ECONNABORTED) {
      return;
    }
  }
}

void Listener::pause(Duration resume_after) noexcept {
  if (!paused_) {
    paused_ = true;
    loop_.remove(socket_.get());
  }
  loop_.arm(timer_, resume_after);
}

void Listener::drain() noexcept {
  if (draining_ || !socket_) {
    return;
  }
  draining_ = true;
  stop_new_connections(socket_.get());
  accept_some();
  loop_.arm(timer_, kDrainTime);
}

void Listener::on_timer() noexcept {
  if (draining_) {
    accept_some();
    close();
    return;
  }
  paused_ = false;
  if (auto added = start(); !added) {
    PINGAP_LOG(error, "listener: epoll_ctl failed (errno {})", added.error().sys);
  }
}

}  // namespace pingap::net

// A listening socket on a loop. Worker.
#pragma once

#include "net/address.h"
#include "net/event_loop.h"
#include "net/fd.h"
#include "net/timer.h"

namespace pingap::net {

class AcceptHandler {
 public:
  virtual void on_accept(Fd connection, const Address& peer) noexcept = 0;

 protected:
  ~AcceptHandler() = default;
};

class Listener final : public IoHandler {
 public:
  // drain() goes on taking what the kernel has accepted for this long: longer than a handshake
  // takes whose SYN arrived before.
  static constexpr Duration kDrainTime = std::chrono::milliseconds(50);

  Listener(EventLoop& loop, Fd socket, AcceptHandler& handler) noexcept;

  ~Listener();

  Result<> start() noexcept;

  // Ours; for who passes it on.
  int fd() const noexcept { return socket_.get(); }

  // Takes no new connections, hands over those the kernel has already accepted, then closes the
  // socket: nobody who got a connection loses it.
  void drain() noexcept;

  // Another process has the same socket and goes on: takes nothing more, and leaves its queue
  // alone.
  void release() noexcept { close(); }

  // Closes the socket, and whoever waits in its queue is reset.
  void close() noexcept;
  // With the descriptors used up: leaves the queue alone until resume_after has passed.
  void pause(Duration resume_after) noexcept;

  void on_io(IoEvents ready) noexcept override;

 private:
  void accept_some() noexcept;
  void on_timer() noexcept;

  EventLoop& loop_;
  Fd socket_;
  AcceptHandler& handler_;
  bool draining_ = false;
  bool paused_ = false;
  Timer timer_{Callback<void()>::of<&Listener::on_timer>(this)};
};

}  // namespace pingap::net

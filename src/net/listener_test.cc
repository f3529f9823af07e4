#include "net/listener.h"

#include <fcntl.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "net/socket.h"

namespace pingap::net {
namespace {

struct Counter final : AcceptHandler {
  void on_accept(Fd /*connection*/, const Address& /*peer*/) noexcept override { ++accepted; }

  int accepted = 0;
};

// A unix socket is shared by all workers: one that has left the loop must not be heard of again,
// though the others keep the socket open.
TEST(Listener, LeavesTheLoopThoughTheSocketLivesOn) {
  auto loop = *EventLoop::create();
  const std::string path = fmt::format("/tmp/pingap-listener-test-{}", ::getpid());
  const Address address = *Address::parse("unix:" + path);
  Fd socket = *listen_on(address);
  const Fd other(::fcntl(socket.get(), F_DUPFD_CLOEXEC, 0));
  Counter counter;
  auto listener = std::make_unique<Listener>(*loop, std::move(socket), counter);
  ASSERT_TRUE(listener->start());
  bool in_progress = false;
  const Fd first = *connect_to(address, in_progress);
  loop->run_once(std::chrono::seconds(1));
  EXPECT_EQ(counter.accepted, 1);

  listener.reset();
  const Fd second = *connect_to(address, in_progress);
  loop->run_once(std::chrono::milliseconds(1));  // an event now would reach a destroyed listener
  EXPECT_EQ(counter.accepted, 1);
  ::unlink(path.c_str());
}

}  // namespace
}  // namespace pingap::net

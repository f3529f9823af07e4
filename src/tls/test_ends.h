// Both ends of a connection within a test.
#pragma once

#include <array>
#include <sys/socket.h>

#include <gtest/gtest.h>

#include "net/fd.h"

namespace pingap::tls {

struct TestEnds {
  TestEnds() {
    std::array<int, 2> fds{-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()), 0);
    server = net::Fd(fds[0]);
    client = net::Fd(fds[1]);
  }

  net::Fd server;
  net::Fd client;
};

}  // namespace pingap::tls

#include "net/interfaces.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace pingap::net {
namespace {

TEST(Interfaces, TheLoopbackIsOneOfThem) {
  const auto found = interface_addresses();
  EXPECT_NE(std::ranges::find(found, *IpAddress::parse("127.0.0.1")), found.end());
}

TEST(Interfaces, WhatTheLoopbackIs) {
  for (const char* ip : {"127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(is_loopback(*IpAddress::parse(ip))) << ip;
  }
  for (const char* ip : {"128.0.0.1", "0.0.0.0", "::", "::2", "1::1", "10.0.0.1"}) {
    EXPECT_FALSE(is_loopback(*IpAddress::parse(ip))) << ip;
  }
}

}  // namespace
}  // namespace pingap::net

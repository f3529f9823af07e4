#include "proxy/inherited.h"

#include <gtest/gtest.h>

namespace pingap::proxy {
namespace {

using Addresses = std::vector<std::string>;

TEST(InheritedSockets, BelongToTheServerOfTheirName) {
  InheritedSockets sockets;
  sockets.add("[::]:80", net::Fd(), "web");
  sockets.add("10.0.0.1:81", net::Fd(), "api");
  EXPECT_TRUE(sockets.stands_in("web", "0.0.0.0:80"));
  EXPECT_FALSE(sockets.stands_in("other", "0.0.0.0:80"));
  sockets.assign("api", {"127.0.0.1:8080"});
  sockets.assign("web", {"0.0.0.0:80"});
  EXPECT_EQ(sockets.take("127.0.0.1:8080").size(), 1u);
  EXPECT_EQ(sockets.take("0.0.0.0:80").size(), 1u);
  EXPECT_EQ(sockets.left(), Addresses());
}

TEST(InheritedSockets, AreOfTheirOwnAddressFirst) {
  InheritedSockets sockets;
  sockets.add("0.0.0.0:81", net::Fd(), "web");
  sockets.add("0.0.0.0:80", net::Fd(), "web");
  sockets.add("0.0.0.0:82", net::Fd(), "web");
  sockets.assign("web", {"1.2.3.4:1", "0.0.0.0:80", "1.2.3.4:2"});
  EXPECT_EQ(sockets.left(), (Addresses{"1.2.3.4:1", "0.0.0.0:80", "1.2.3.4:2"}));
}

TEST(InheritedSockets, AreSeveralOfOneAddressWhereThereAreNoMore) {
  InheritedSockets sockets;
  for (int i = 0; i < 3; ++i) {
    sockets.add("0.0.0.0:81", net::Fd(), "web");
  }
  sockets.assign("web", {"1.2.3.4:1"});
  EXPECT_EQ(sockets.take("1.2.3.4:1").size(), 3u);
}

TEST(InheritedSockets, AreLeftWhereNobodyWantsThem) {
  InheritedSockets sockets;
  sockets.add("0.0.0.0:81", net::Fd(), "unknown");
  sockets.assign("web", {"0.0.0.0:80"});
  EXPECT_FALSE(sockets.has("0.0.0.0:80"));
  EXPECT_EQ(sockets.left(), Addresses{"0.0.0.0:81"});
}

}  // namespace
}  // namespace pingap::proxy

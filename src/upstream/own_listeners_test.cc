#include "upstream/own_listeners.h"

#include <gtest/gtest.h>

#include "net/interfaces.h"

namespace pingap::upstream {
namespace {

bool is_ours(const std::string& listening, const std::string& address) {
  OwnListeners own;
  own.set({*net::Address::parse(listening)});
  std::vector<Found> found = {{"", *net::Address::parse(address)}};
  const size_t taken = own.take_from(found).size();
  EXPECT_EQ(found.size() + taken, 1U);
  return taken == 1;
}

TEST(OwnListeners, AnAddressIsItsOwn) {
  EXPECT_TRUE(is_ours("10.0.0.1:80", "10.0.0.1:80"));
  EXPECT_TRUE(is_ours("[2001:db8::1]:80", "[2001:db8::1]:80"));
  EXPECT_TRUE(is_ours("unix:/run/a.sock", "unix:/run/a.sock"));
  EXPECT_FALSE(is_ours("10.0.0.1:80", "10.0.0.1:81"));
  EXPECT_FALSE(is_ours("10.0.0.1:80", "10.0.0.2:80"));
  EXPECT_FALSE(is_ours("unix:/run/a.sock", "unix:/run/b.sock"));
}

TEST(OwnListeners, AllInterfacesAreThoseOfThisMachine) {
  for (const char* address : {"127.0.0.1:80", "127.3.2.1:80", "0.0.0.0:80"}) {
    EXPECT_TRUE(is_ours("0.0.0.0:80", address)) << address;
    EXPECT_FALSE(is_ours("0.0.0.0:81", address)) << address;
  }
  EXPECT_TRUE(is_ours("[::]:80", "[::1]:80"));
  EXPECT_FALSE(is_ours("0.0.0.0:80", "192.0.2.1:80"));
  EXPECT_FALSE(is_ours("0.0.0.0:80", "[::1]:80")) << "[::] is for IPv6 alone, and this for IPv4";
  EXPECT_FALSE(is_ours("[::]:80", "127.0.0.1:80"));
  for (const IpAddress& ip : net::interface_addresses()) {
    const std::string address = net::Address(ip, 80).to_string();
    EXPECT_TRUE(is_ours(ip.size == 4 ? "0.0.0.0:80" : "[::]:80", address)) << address;
  }
}

TEST(OwnListeners, TheOthersStayInTheirOrder) {
  OwnListeners own;
  own.set({*net::Address::parse("10.0.0.2:80")});
  std::vector<Found> found;
  for (const char* address : {"10.0.0.3:80", "10.0.0.2:80", "10.0.0.1:80"}) {
    found.push_back({"", *net::Address::parse(address)});
  }
  ASSERT_EQ(own.take_from(found).size(), 1U);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].address.to_string(), "10.0.0.3:80");
  EXPECT_EQ(found[1].address.to_string(), "10.0.0.1:80");
}

}  // namespace
}  // namespace pingap::upstream

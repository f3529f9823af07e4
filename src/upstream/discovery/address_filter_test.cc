#include "upstream/discovery/address_filter.h"

#include <gtest/gtest.h>

namespace pingap::upstream {
namespace {

using Loopback = AddressFilter::Loopback;

bool refuses(const char* ip, Loopback loopback = Loopback::refused, const char* allow = nullptr) {
  std::vector<config::Located<std::string>> networks;
  if (allow != nullptr) {
    networks.push_back({allow, {}});
  }
  return AddressFilter(networks).refuses(*IpAddress::parse(ip), loopback) != nullptr;
}

TEST(AddressFilter, ServersMayBeInPrivateNetworks) {
  for (const char* ip : {"10.0.0.1", "192.168.1.1", "172.17.0.2", "8.8.8.8", "100.64.0.1",
                         "fd00::1", "2001:db8::1", "64:ff9b::808:808"}) {
    EXPECT_FALSE(refuses(ip)) << ip;
  }
}

TEST(AddressFilter, RefusesWhatIsNoServer) {
  for (const char* ip :
       {"0.0.0.0", "0.1.2.3", "169.254.169.254", "224.0.0.1", "239.255.255.255", "255.255.255.255",
        "240.0.0.1", "::", "fe80::1", "febf::1", "ff02::1", "::ffff:169.254.169.254",
        "100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254", "64:ff9b::a9fe:a9fe",
        "64:ff9b::7f00:1"}) {
    EXPECT_TRUE(refuses(ip)) << ip;
    EXPECT_TRUE(refuses(ip, Loopback::allowed)) << ip;
  }
}

TEST(AddressFilter, LoopbackIsForNamesOfThisMachine) {
  for (const char* ip : {"127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(refuses(ip)) << ip;
    EXPECT_FALSE(refuses(ip, Loopback::allowed)) << ip;
  }
}

TEST(AddressFilter, WhatIsListedIsNeverRefused) {
  EXPECT_FALSE(refuses("127.0.0.5", Loopback::refused, "127.0.0.0/8"));
  EXPECT_FALSE(refuses("169.254.1.1", Loopback::refused, "169.254.1.1"));
  EXPECT_TRUE(refuses("169.254.1.2", Loopback::refused, "169.254.1.1"));
}

TEST(AddressFilter, NamesOfThisMachine) {
  for (const char* name :
       {"localhost", "LocalHost", "localhost.", "a.localhost", "a.b.localhost"}) {
    EXPECT_TRUE(is_localhost(name)) << name;
  }
  for (const char* name : {"", "localhost.example", "notlocalhost", "ocalhost", "host"}) {
    EXPECT_FALSE(is_localhost(name)) << name;
  }
}

}  // namespace
}  // namespace pingap::upstream

#include "plugin/security/ip_set.h"
#include "plugin/security/kinds.h"
#include "plugin/test_plugin.h"

namespace pingap::plugin {
namespace {

IpAddress ip(std::string_view text) {
  return *IpAddress::parse(text);
}

Verdict from(const Made& made, const std::string& client) {
  Asked asked("/", {}, "GET", client);
  return asked.ask(*made);
}

TEST(IpSet, HoldsBothEndsOfANetworkAndNothingBeside) {
  IpSet set;
  for (const char* network : {"10.1.0.0/16", "10.3.4.5", "2001:db8::/33", "::1"}) {
    set.add(*Network::parse(network));
  }
  set.finish();
  for (const char* in : {"10.1.0.0", "10.1.255.255", "10.3.4.5",
                         "2001:db8::", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff", "::1"}) {
    EXPECT_TRUE(set.contains(ip(in))) << in;
  }
  for (const char* out : {"10.0.255.255", "10.2.0.0", "10.3.4.4", "10.3.4.6", "2001:db8:8000::",
                          "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "::", "::2", "0.0.0.0"}) {
    EXPECT_FALSE(set.contains(ip(out))) << out;
  }
  EXPECT_FALSE(set.contains(IpAddress{}));
}

TEST(IpSet, JoinsNetworksThatLieInEachOther) {
  IpSet set;
  for (const char* network :
       {"10.0.0.0/8", "10.1.0.0/16", "10.255.255.255", "11.0.0.0/8", "0.0.0.0/0"}) {
    set.add(*Network::parse(network));
  }
  set.finish();
  EXPECT_TRUE(set.contains(ip("255.255.255.255")));
  EXPECT_TRUE(set.contains(ip("0.0.0.0")));
}

// What a naive search says, for many networks at random.
TEST(IpSet, SaysWhatASearchOneByOneSays) {
  IpSet set;
  NetworkSet slow;
  uint64_t seed = 7;
  const auto next = [&] { return seed = seed * 6364136223846793005 + 1442695040888963407; };
  for (int i = 0; i < 500; ++i) {
    Network network;
    network.address.size = 4;
    const uint64_t bits = next();
    for (size_t b = 0; b < 4; ++b) {
      network.address.bytes[b] = static_cast<uint8_t>(bits >> (8 * b + 20));
    }
    network.prefix = static_cast<uint8_t>(8 + next() % 25);
    set.add(network);
    slow.add(network);
  }
  set.finish();
  size_t hits = 0;
  for (int i = 0; i < 20'000; ++i) {
    IpAddress address;
    address.size = 4;
    const uint64_t bits = next();
    for (size_t b = 0; b < 4; ++b) {
      address.bytes[b] = static_cast<uint8_t>(bits >> (8 * b + 20));
    }
    ASSERT_EQ(set.contains(address), slow.contains(address));
    hits += set.contains(address) ? 1U : 0U;
  }
  EXPECT_GT(hits, 0u);
}

TEST(IpRestriction, LetsInOnlyWhoIsListedOrKeepsThemOut) {
  const Made allow(kIpRestriction, R"(ip_list = ["10.0.0.0/8", "2001:db8::/32"])");
  EXPECT_EQ(from(allow, "10.9.9.9"), Verdict::next);
  EXPECT_EQ(from(allow, "2001:db8::5"), Verdict::next);
  EXPECT_EQ(from(allow, "11.0.0.1"), Verdict::respond);
  const Made deny(kIpRestriction, "ip_list = [\"10.0.0.0/8\"]\nmode = \"deny\"");
  EXPECT_EQ(from(deny, "10.9.9.9"), Verdict::respond);
  EXPECT_EQ(from(deny, "11.0.0.1"), Verdict::next);
  // security.md IP-02
  EXPECT_EQ(from(deny, "::ffff:10.1.1.1"), Verdict::respond);
}

TEST(IpRestriction, SaysWhatTheOperatorWants) {
  const Made made(kIpRestriction, "ip_list = [\"10.0.0.1\"]\nmessage = \"go away\"");
  Asked asked;
  EXPECT_EQ(asked.ask(*made), Verdict::respond);
  EXPECT_EQ(asked.answer.status, 403);
  EXPECT_EQ(asked.body(), "go away");
  EXPECT_EQ(asked.x.plugin_reason, "address is not allowed");
}

// security.md IP-01, IP-04
TEST(IpRestriction, IsNotMadeOfWhatIsNoNetwork) {
  for (const char* bad : {"010.0.0.1", "1.2.3", "0x7f.1", "1.2.3.4/33", "::/129", "fe80::1%eth0"}) {
    const Made made(kIpRestriction, "ip_list = [\"" + std::string(bad) + "\"]");
    EXPECT_TRUE(made.failed()) << bad;
  }
  EXPECT_TRUE(Made(kIpRestriction, "").failed());
  EXPECT_TRUE(Made(kIpRestriction, "ip_list = []").failed());
  EXPECT_TRUE(Made(kIpRestriction, "ip_list = [\"10.0.0.1\"]\nmode = \"both\"").failed());
  EXPECT_TRUE(Made(kIpRestriction, "ip_list = [\"10.0.0.1\"]\niplist = 1").failed());
}

}  // namespace
}  // namespace pingap::plugin

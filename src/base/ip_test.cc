#include "base/ip.h"

#include <gtest/gtest.h>

namespace pingap {
namespace {

struct Row {
  const char* network;
  const char* address;
  bool inside;
};

TEST(Network, ContainsByPrefix) {
  const Row rows[] = {
      {"10.0.0.0/8", "10.1.2.3", true},
      {"10.0.0.0/8", "11.1.2.3", false},
      {"192.168.1.1", "192.168.1.1", true},
      {"192.168.1.1", "192.168.1.2", false},
      {"0.0.0.0/0", "8.8.8.8", true},
      {"0.0.0.0/0", "::1", false},
      {"2001:db8::/33", "2001:db8::1", true},
      {"2001:db8::/33", "2001:db8:8000::1", false},
      {"10.0.0.0/8", "::ffff:10.0.0.1", true},
      {"10.0.0.0/31", "10.0.0.1", true},
      {"10.0.0.0/31", "10.0.0.2", false},
      {"::ffff:10.0.0.0/104", "10.1.2.3", true},
      {"::ffff:10.0.0.0/104", "11.1.2.3", false},
      {"::ffff:10.0.0.1", "10.0.0.1", true},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(Network::parse(row.network)->contains(*IpAddress::parse(row.address)), row.inside)
        << row.network << " " << row.address;
  }
}

TEST(Network, RefusesWhatIsNone) {
  for (const char* text :
       {"", "a", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "::1/129", "1.2.3.4/-1", "1.2.3.4/8x",
        "fe80::1%eth0", "::ffff:10.0.0.0/24", "::ffff:10.0.0.0/129"}) {
    EXPECT_FALSE(Network::parse(text).has_value()) << text;
  }
}

TEST(IpAddress, FormatsWhatItParsed) {
  for (const char* text : {"1.2.3.4", "::1", "2001:db8::ff"}) {
    char room[46];
    EXPECT_EQ(IpAddress::parse(text)->format(room), text);
  }
}

}  // namespace
}  // namespace pingap

#include "net/address.h"

#include <gtest/gtest.h>

namespace pingap::net {
namespace {

TEST(Address, PrintsWhatItParsed) {
  for (const char* text : {"127.0.0.1:80", "[::1]:8080", "0.0.0.0:0", "unix:/run/pingap.sock"}) {
    ASSERT_TRUE(Address::parse(text).has_value()) << text;
    EXPECT_EQ(Address::parse(text)->to_string(), text);
  }
}

TEST(Address, RefusesWhatIsNone) {
  for (const char* text : {"", "localhost:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
                           "::1:80", "[::1]", "unix:", "127.0.0.1:80x"}) {
    EXPECT_FALSE(Address::parse(text).has_value()) << text;
  }
}

TEST(Resolve, TakesLocalhost) {
  EXPECT_FALSE(resolve("localhost:80").empty());
}

}  // namespace
}  // namespace pingap::net

#include "config/suggest.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace pingap::config {
namespace {

constexpr std::array<std::string_view, 6> kNames = {"addrs",         "algorithm", "read_timeout",
                                                    "write_timeout", "sni",       "weights"};

TEST(Suggest, FindsTheNearestName) {
  EXPECT_EQ(nearest("adrs", kNames), "addrs");
  EXPECT_EQ(nearest("ADDRS", kNames), "addrs");
  EXPECT_EQ(nearest("algoritm", kNames), "algorithm");
  EXPECT_EQ(nearest("raed_timeout", kNames), "read_timeout");
  EXPECT_EQ(nearest("readtimeout", kNames), "read_timeout");
  EXPECT_EQ(nearest("weight", kNames), "weights");
}

TEST(Suggest, IsSilentWhenNothingIsNear) {
  EXPECT_EQ(nearest("listen", kNames), "");
  EXPECT_EQ(nearest("", kNames), "");
  EXPECT_EQ(nearest("x", kNames), "");
  EXPECT_EQ(nearest(std::string(100'000, 'a'), kNames), "");
  EXPECT_EQ(did_you_mean("listen", kNames), "");
  EXPECT_EQ(did_you_mean("sn", kNames), "did you mean `sni`?");
}

TEST(Suggest, QuotesWithoutControlBytesAndCutsLongTexts) {
  EXPECT_EQ(quote("a"), "`a`");
  EXPECT_EQ(quote("a\n\x1b["), "`a\\x0a\\x1b[`");
  EXPECT_EQ(quote("ä"), "`ä`");
  EXPECT_EQ(quote(std::string(61, 'x')), "`" + std::string(60, 'x') + "...`");
  EXPECT_EQ(plain("a\tb"), "a\\x09b");
  EXPECT_EQ(quote_path(std::string(100, 'x') + "\n"), "`" + std::string(100, 'x') + "\\x0a`");
}

TEST(Suggest, JoinsNames) {
  EXPECT_EQ(join_names(kNames, 2), "`addrs`, `algorithm`, ... (4 more)");
  EXPECT_EQ(join_names({}, 2), "");
}

}  // namespace
}  // namespace pingap::config

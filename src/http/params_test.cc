#include "http/params.h"

#include <gtest/gtest.h>

namespace pingap::http {
namespace {

TEST(Params, FindsTheFirstArgument) {
  std::string_view value;
  EXPECT_TRUE(find_argument("a=1&b=2&a=3", "a", value));
  EXPECT_EQ(value, "1");
  EXPECT_TRUE(find_argument("a=1&b=x%20y=z&a=3", "b", value));
  EXPECT_EQ(value, "x%20y=z");
  EXPECT_TRUE(find_argument("flag", "flag", value));
  EXPECT_EQ(value, "");
  EXPECT_TRUE(find_argument("x&%61b=7", "ab", value));
  EXPECT_EQ(value, "7");
  EXPECT_FALSE(find_argument("", "a", value));
  EXPECT_FALSE(find_argument("aa=1&&=", "a", value));
}

TEST(Params, ComparesDecoded) {
  EXPECT_TRUE(equals_decoded("a%20b+c", "a b c"));
  EXPECT_TRUE(equals_decoded("%zz%4", "%zz%4"));
  EXPECT_TRUE(equals_decoded("", ""));
  EXPECT_FALSE(equals_decoded("a", ""));
  EXPECT_FALSE(equals_decoded("", "a"));
  EXPECT_FALSE(equals_decoded("%61%62", "abc"));
}

}  // namespace
}  // namespace pingap::http

#include "http/method.h"

#include <string>

#include <gtest/gtest.h>

namespace pingap::http {
namespace {

TEST(Method, IsFoundByItsExactText) {
  for (size_t i = 0; i < static_cast<size_t>(Method::other); ++i) {
    const auto method = static_cast<Method>(i);
    const std::string text(to_string(method));
    ASSERT_FALSE(text.empty());
    EXPECT_EQ(parse_method(text), method);
    EXPECT_EQ(parse_method(text + "X"), Method::other);
    EXPECT_EQ(parse_method(text.substr(1)), Method::other);
  }
  EXPECT_EQ(parse_method("get"), Method::other);
  EXPECT_EQ(parse_method(""), Method::other);
  EXPECT_EQ(to_string(Method::other), "");
}

}  // namespace
}  // namespace pingap::http

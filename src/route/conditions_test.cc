#include "route/conditions.h"

#include <gtest/gtest.h>

#include "route/test_request.h"

namespace pingap::route {
namespace {

struct Case {
  const char* target;
  const char* header;
  const char* value;
  bool want;
};

void check(const config::Location& location, std::initializer_list<Case> cases) {
  const Conditions conditions(location);
  for (const Case& test : cases) {
    TestRequest request("h", test.target, {{test.header, test.value}});
    EXPECT_EQ(conditions.hold(request.input()), test.want) << test.target << " " << test.value;
    EXPECT_EQ(conditions.explain(request.input()).empty(), test.want);
  }
}

TEST(Conditions, MatchHeadersInAnyCase) {
  config::Location location;
  location.match_headers = {{"x-version", "2", {}}, {"accept", std::nullopt, {}}};
  const Conditions conditions(location);
  EXPECT_EQ(conditions.size(), 2U);
  EXPECT_TRUE(conditions.hold(
      TestRequest("h", "/", {{"X-Version", "1"}, {"x-version", "2"}, {"Accept", ""}}).input()));
  EXPECT_FALSE(conditions.hold(TestRequest("h", "/", {{"x-version", "2"}}).input()));
  EXPECT_FALSE(
      conditions.hold(TestRequest("h", "/", {{"x-version", "22"}, {"accept", "x"}}).input()));
}

TEST(Conditions, MatchQueryArgumentsDecoded) {
  config::Location location;
  location.match_query = {{"q", "a b", {}}, {"flag", std::nullopt, {}}};
  check(location, {{"/?q=a+b&flag", "x", "", true},
                   {"/?flag=1&q=%61%20b", "x", "", true},
                   {"/?q=a+b", "x", "", false},
                   {"/?flag", "x", "", false},
                   {"/?q=ab&flag", "x", "", false},
                   {"/", "x", "", false}});
}

TEST(Conditions, MatchCookies) {
  config::Location location;
  location.match_cookies = {{"beta", "1", {}}};
  check(location, {{"/", "Cookie", "beta=1", true},
                   {"/", "Cookie", "a=2; beta=1; c", true},
                   {"/", "Cookie", "a=beta=1", false},
                   {"/", "Cookie", "beta=10", false},
                   {"/", "Cookie", "Beta=1", false},
                   {"/", "Cookie", "beta", false},
                   {"/", "Cookies", "beta=1", false}});
  EXPECT_TRUE(Conditions(location).hold(
      TestRequest("h", "/", {{"cookie", "a=1"}, {"cookie", "x;beta=1"}}).input()));
}

TEST(Conditions, MatchMethods) {
  config::Location location;
  location.methods = {"GET", "PURGE"};
  const Conditions conditions(location);
  EXPECT_EQ(conditions.size(), 1U);
  for (const auto& [method, want] : std::initializer_list<std::pair<const char*, bool>>{
           {"GET", true}, {"HEAD", false}, {"PURGE", true}, {"purge", false}, {"X", false}}) {
    EXPECT_EQ(conditions.hold(TestRequest("h", "/", {}, method).input()), want) << method;
  }
  EXPECT_EQ(conditions.explain(TestRequest("h", "/", {}, "HEAD").input()),
            "method HEAD is not allowed");
}

TEST(Conditions, HoldWhenThereAreNone) {
  const Conditions conditions{config::Location{}};
  EXPECT_EQ(conditions.size(), 0U);
  EXPECT_TRUE(conditions.hold(TestRequest("h", "/").input()));
}

}  // namespace
}  // namespace pingap::route

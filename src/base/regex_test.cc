#include "base/regex.h"

#include <array>

#include <gtest/gtest.h>

namespace pingap {
namespace {

TEST(Regex, SearchesUnanchored) {
  const auto regex = Regex::create("b+");
  ASSERT_TRUE(regex.has_value());
  EXPECT_TRUE(regex->matches("abbc"));
  EXPECT_FALSE(regex->matches("ac"));
  EXPECT_FALSE(regex->matches_fully("abb"));
  EXPECT_TRUE(regex->matches_fully("bb"));
  EXPECT_EQ(regex->pattern(), "b+");
}

TEST(Regex, IgnoresCaseWhenAsked) {
  const auto regex = Regex::create("^ab$", RegexCase::insensitive);
  ASSERT_TRUE(regex.has_value());
  EXPECT_TRUE(regex->matches("aB"));
}

TEST(Regex, ReportsCapturesAndNames) {
  const auto regex = Regex::create("/(?P<user>[a-z]+)(/x)?/(\\d+)");
  ASSERT_TRUE(regex.has_value());
  EXPECT_EQ(regex->group_count(), 3);
  EXPECT_EQ(regex->find_group("user"), 1);
  EXPECT_EQ(regex->find_group("nobody"), -1);
  EXPECT_EQ(regex->group_names(), std::vector<std::string>{"user"});
  std::array<std::string_view, 6> groups;
  ASSERT_TRUE(regex->match_captures("..ab/bob/42?", groups));
  EXPECT_EQ(groups[0], "/bob/42");
  EXPECT_EQ(groups[1], "bob");
  EXPECT_EQ(groups[2].data(), nullptr);
  EXPECT_EQ(groups[3], "42");
  EXPECT_EQ(groups[5].data(), nullptr);
  EXPECT_FALSE(regex->match_captures("nothing", groups));
}

TEST(Regex, RefusesWhatIsWrongOrTooLarge) {
  for (const char* bad : {"(", "a{2,1}", "((a{0,100}){0,100}){0,100}", "(?=x)", "\\1"}) {
    const auto regex = Regex::create(bad);
    ASSERT_FALSE(regex.has_value()) << bad;
    EXPECT_FALSE(regex.error().empty()) << bad;
  }
  std::string many;
  for (int i = 0; i < 32; ++i) {
    many += "(a)";
  }
  EXPECT_FALSE(Regex::create(many).has_value());
}

TEST(Regex, MatchesAnyByte) {
  const auto regex = Regex::create("^a.b$");
  ASSERT_TRUE(regex.has_value());
  EXPECT_TRUE(
      regex->matches("a\xff"
                     "b"));
}

TEST(RegexSet, ReturnsAllMatchesSorted) {
  RegexSet set;
  ASSERT_EQ(set.add("^/z"), 0);
  ASSERT_EQ(set.add("a"), 1);
  ASSERT_EQ(set.add("b$"), 2);
  EXPECT_FALSE(set.add("(").has_value());
  ASSERT_TRUE(set.compile().has_value());
  EXPECT_EQ(set.size(), 3U);
  std::vector<int> out;
  EXPECT_TRUE(set.match("/zab", out));
  EXPECT_EQ(out, (std::vector<int>{0, 1, 2}));
  EXPECT_TRUE(set.match("xa", out));
  EXPECT_EQ(out, std::vector<int>{1});
  EXPECT_FALSE(set.match("x", out));
  EXPECT_TRUE(out.empty());
}

TEST(RegexSet, MatchesNothingWhenEmpty) {
  RegexSet set;
  ASSERT_TRUE(set.compile().has_value());
  std::vector<int> out{1};
  EXPECT_FALSE(set.match("x", out));
  EXPECT_TRUE(out.empty());
}

}  // namespace
}  // namespace pingap

#include "config/diagnostics.h"

#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace pingap::config {
namespace {

TEST(Diagnostics, RendersPlaceTextAndCaret) {
  Diagnostics diagnostics;
  const uint32_t source = diagnostics.add_source("a.toml", "one = 1\nadrs = [2]\n");
  diagnostics.error({source, 2, 1}, "unknown key `adrs`", "one of `addrs`",
                    "did you mean `addrs`?");
  EXPECT_EQ(diagnostics.render(),
            "a.toml:2:1: error: unknown key `adrs`; one of `addrs`; did you mean `addrs`?\n"
            "    2 | adrs = [2]\n"
            "      | ^\n");
}

TEST(Diagnostics, ShowsNoSecrets) {
  Diagnostics diagnostics;
  const uint32_t source =
      diagnostics.add_source("a", "key = 's3cret'\npasword = 's3cret'\n[section]\n");
  diagnostics.hide({source, 1, 7});
  diagnostics.hide_value({source, 2, 1});
  diagnostics.hide_value({source, 3, 2});
  diagnostics.error({source, 1, 7}, "one");
  diagnostics.error({source, 2, 1}, "two");
  diagnostics.error({source, 3, 2}, "three");
  EXPECT_EQ(diagnostics.render(),
            "a:1:7: error: one\n"
            "a:2:1: error: two\n"
            "    2 | pasword =\n"
            "      | ^\n"
            "a:3:2: error: three\n"
            "    3 | [section]\n"
            "      |  ^\n");
}

TEST(Diagnostics, SortsBySourceAndPlaceAndPutsThePlacelessFirst) {
  Diagnostics diagnostics;
  const uint32_t a = diagnostics.add_source("a", "x\ny\n");
  const uint32_t b = diagnostics.add_source("b", "z");
  diagnostics.error({b, 1, 1}, "fourth");
  diagnostics.warning({a, 2, 1}, "second");
  diagnostics.error({a, 2, 1}, "third");
  diagnostics.error({}, "first");
  EXPECT_EQ(diagnostics.render(),
            "error: first\n"
            "a:2:1: warning: second\n    2 | y\n      | ^\n"
            "a:2:1: error: third\n    2 | y\n      | ^\n"
            "b:1:1: error: fourth\n    1 | z\n      | ^\n");
  EXPECT_EQ(diagnostics.errors(), 3u);
}

TEST(Diagnostics, SaysTheSameOfOnePlaceOnce) {
  Diagnostics diagnostics;
  const uint32_t source = diagnostics.add_source("a", "x\n");
  diagnostics.error({source, 1, 1}, "same");
  diagnostics.error({source, 1, 1}, "same");
  diagnostics.error({source, 1, 1}, "other");
  EXPECT_EQ(diagnostics.errors(), 2u);
}

TEST(Diagnostics, CaretCountsCodePointsAndKeepsTabs) {
  Diagnostics diagnostics;
  const uint32_t source = diagnostics.add_source("a", "\t\"äö\" = x\r\n");
  diagnostics.error({source, 1, 8}, "e");
  EXPECT_EQ(diagnostics.render(),
            "a:1:8: error: e\n"
            "    1 | \t\"äö\" = x\n"
            "      | \t      ^\n");
}

TEST(Diagnostics, TerminalsSeeNoControlBytes) {
  Diagnostics diagnostics;
  const uint32_t source = diagnostics.add_source("a", "\x1b[31mred\x7f");
  diagnostics.error({source, 1, 1}, "e");
  EXPECT_NE(diagnostics.render().find("| ?[31mred?\n"), std::string::npos);
}

TEST(Diagnostics, WhatIsShownIsUtf8) {
  struct Case {
    std::string_view line;
    std::string_view shown;
  };

  const Case cases[] = {
      {"a\xff"
       "b",
       "a?b"},
      {"a\x80\xc3", "a??"},
      {"\xc0\xaf", "??"},            // overlong
      {"\xed\xa0\x80", "???"},       // half of a surrogate pair
      {"\xf4\x90\x80\x80", "????"},  // beyond the last one
      {"\xc2\x9b"
       "31m",
       "??31m"},  // CSI of Latin-1
      {"\xc2\xa0", "\xc2\xa0"},
      {"\xe2\x82\xac\xf0\x9f\x98\x80", "\xe2\x82\xac\xf0\x9f\x98\x80"},
  };
  for (const Case& one : cases) {
    Diagnostics diagnostics;
    const uint32_t source = diagnostics.add_source("a", std::string(one.line));
    diagnostics.error({source, 1, 1}, "e");
    EXPECT_EQ(diagnostics.render(),
              fmt::format("a:1:1: error: e\n    1 | {}\n      | ^\n", one.shown));
  }
}

TEST(Diagnostics, LongLinesAreCutAroundTheCaret) {
  Diagnostics diagnostics;
  const std::string line = std::string(500, 'a') + "B" + std::string(500, 'c');
  const uint32_t source = diagnostics.add_source("a", line);
  diagnostics.error({source, 1, 501}, "e");
  const std::string text = diagnostics.render();
  EXPECT_LT(text.size(), 400u);
  const size_t excerpt = text.find("    1 | ") + 8;
  const size_t caret_line = text.find("      | ") + 8;
  EXPECT_EQ(text[excerpt + (text.find('^') - caret_line)], 'B');
}

TEST(Diagnostics, PlacesOutsideOfTheTextAreHarmless) {
  Diagnostics diagnostics;
  const uint32_t source = diagnostics.add_source("a", "x");
  diagnostics.error({source, 9, 9}, "beyond");
  diagnostics.error({source, 1, 99}, "right of it");
  diagnostics.error({7, 1, 1}, "no such source");
  EXPECT_NE(diagnostics.render().find("a:9:9: error: beyond\n    9 | \n"), std::string::npos);
}

TEST(Diagnostics, KeepsTheFirstThousandAndCountsTheRest) {
  Diagnostics diagnostics;
  for (int i = 0; i < 1500; ++i) {
    diagnostics.error({}, "e");
  }
  EXPECT_TRUE(diagnostics.full());
  EXPECT_EQ(diagnostics.errors(), 1500u);
  EXPECT_EQ(diagnostics.entries().size(), 1000u);
  EXPECT_TRUE(diagnostics.render().ends_with("... and 500 more\n"));
}

}  // namespace
}  // namespace pingap::config

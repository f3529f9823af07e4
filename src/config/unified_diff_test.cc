#include "config/unified_diff.h"

#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace pingap::config {
namespace {

TEST(UnifiedDiff, IsEmptyWhereNothingDiffers) {
  EXPECT_EQ(unified_diff("a", "", ""), "");
  EXPECT_EQ(unified_diff("a", "x\n", "x\n"), "");
}

TEST(UnifiedDiff, ShowsLinesWithThoseAround) {
  EXPECT_EQ(
      unified_diff("a.toml", "1\n2\n3\n4\nx=1\n5\n6\n7\n8\n", "1\n2\n3\n4\nx = 1\n5\n6\n7\n8\n"),
      "--- a.toml\n+++ a.toml\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-x=1\n+x = 1\n 5\n 6\n 7\n");
}

TEST(UnifiedDiff, PairsLinesOverBlankOnes) {
  EXPECT_EQ(unified_diff("a", "\n\na=1\n\n\n\nb = 1\n", "a = 1\n\nb = 1\n"),
            "--- a\n+++ a\n@@ -1,7 +1,3 @@\n-\n-\n-a=1\n+a = 1\n \n-\n-\n b = 1\n");
  EXPECT_EQ(unified_diff("a", "a\nb\n", "a\n\nb\n"), "--- a\n+++ a\n@@ -1,2 +1,3 @@\n a\n+\n b\n");
  EXPECT_EQ(unified_diff("a", "  \nb\n", "\nb\n"), "--- a\n+++ a\n@@ -1,2 +1,2 @@\n-  \n+\n b\n");
}

TEST(UnifiedDiff, SaysWhereAnEndOfLineIsMissing) {
  EXPECT_EQ(unified_diff("a", "a", "a\n"),
            "--- a\n+++ a\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n");
}

TEST(UnifiedDiff, NamesTheLineBeforeWhereASideIsEmpty) {
  EXPECT_EQ(unified_diff("a", "\n", ""), "--- a\n+++ a\n@@ -1 +0,0 @@\n-\n");
  EXPECT_EQ(unified_diff("a", "", "a\n"), "--- a\n+++ a\n@@ -0,0 +1 @@\n+a\n");
}

// Two differences share a hunk where the lines around them touch.
TEST(UnifiedDiff, SplitsWhereEnoughIsTheSame) {
  const auto text = [](int between, const char* first, const char* last) {
    std::string out = fmt::format("{}\n", first);
    for (int i = 0; i < between; ++i) {
      out += fmt::format("{}\n", i);
    }
    return out + last + "\n";
  };
  const auto hunks = [&](int between) {
    const std::string diff =
        unified_diff("a", text(between, "a=1", "b=1"), text(between, "a = 1", "b = 1"));
    size_t count = 0;
    for (size_t at = diff.find("@@ -"); at != std::string::npos; at = diff.find("@@ -", at + 1)) {
      ++count;
    }
    return count;
  };
  EXPECT_EQ(hunks(6), 1u);
  EXPECT_EQ(hunks(7), 2u);
}

TEST(UnifiedDiff, IsRightOfAnyTexts) {
  EXPECT_EQ(unified_diff("a", "a\nb\nc\n", "c\n"), "--- a\n+++ a\n@@ -1,3 +1 @@\n-a\n-b\n-c\n+c\n");
}

}  // namespace
}  // namespace pingap::config

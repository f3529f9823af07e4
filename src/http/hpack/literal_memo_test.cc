#include "http/hpack/literal_memo.h"

#include <string>

#include <gtest/gtest.h>

#include "http/hpack/test_hpack.h"

namespace pingap::http::hpack {
namespace {

struct Plain {
  std::string_view text;
  int number = 0;
};

TEST(LiteralMemo, KeepsACopyAndWhatWasFoundOut) {
  LiteralMemo<Plain, 4> memo;
  std::string code = "code";
  std::string text = "a longer text";
  EXPECT_EQ(memo.find(code), nullptr);
  memo.keep(code, {text, 7});
  text.assign(text.size(), '-');
  const Plain* found = memo.find("code");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->text, "a longer text");
  EXPECT_EQ(found->number, 7);
}

TEST(LiteralMemo, OneForgetsAnotherInItsPlace) {
  LiteralMemo<Plain, 1> memo;
  memo.keep("one", {"1"});
  memo.keep("two", {"2"});
  EXPECT_EQ(memo.find("one"), nullptr);
  ASSERT_NE(memo.find("two"), nullptr);
  EXPECT_EQ(memo.find("two")->text, "2");
}

// Both ends and the length are all of the hash.
TEST(LiteralMemo, CodesAreComparedWhole) {
  LiteralMemo<Plain, 1> memo;
  memo.keep("12345678-abcdefgh", {"-"});
  EXPECT_EQ(memo.find("12345678+abcdefgh"), nullptr);
  EXPECT_EQ(memo.find("12345678-abcdefg"), nullptr);
  EXPECT_NE(memo.find("12345678-abcdefgh"), nullptr);
}

TEST(LiteralMemo, EmptyAndLongOnesAreNotKept) {
  using Memo = LiteralMemo<Plain, 1>;
  Memo memo;
  const std::string longest(Memo::kLongest, 'x');
  memo.keep("", {""});
  memo.keep(longest + 'x', {"long"});
  EXPECT_EQ(memo.find(""), nullptr);
  EXPECT_EQ(memo.find(longest + 'x'), nullptr);
  memo.keep(longest, {std::string(huffman_text(Memo::kLongest), 'y')});
  ASSERT_NE(memo.find(longest), nullptr);
  EXPECT_EQ(memo.find(longest)->text, std::string(64, 'y'));
}

}  // namespace
}  // namespace pingap::http::hpack

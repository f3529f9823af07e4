#include "control/lines.h"

#include <gtest/gtest.h>

namespace pingap::control {
namespace {

TEST(Lines, AreTakenOneAfterTheOther) {
  std::string_view text = "a\n\nlast";
  EXPECT_EQ(take_line(text), "a");
  EXPECT_EQ(take_line(text), "");
  EXPECT_EQ(take_line(text), "last");
  EXPECT_EQ(text, "");
  EXPECT_EQ(take_line(text), "");
}

TEST(Lines, GiveAFieldByItsStart) {
  EXPECT_EQ(field_of("a: 1\nb: 2\nb: 3", "b: "), "2");
  EXPECT_EQ(field_of("a: 1", "a: "), "1");
  EXPECT_EQ(field_of("a: 1\n", "b: "), "");
  EXPECT_EQ(field_of("", "b: "), "");
}

TEST(Lines, GiveNumbersOfDigitsOnly) {
  EXPECT_EQ(number_of("0"), 0u);
  EXPECT_EQ(number_of("18446744073709551615"), UINT64_MAX);
  for (const char* text : {"", "-1", "+1", " 1", "1 ", "1x", "18446744073709551616"}) {
    EXPECT_EQ(number_of(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace pingap::control

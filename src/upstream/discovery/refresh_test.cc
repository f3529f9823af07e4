#include "upstream/discovery/refresh.h"

#include <gtest/gtest.h>

namespace pingap::upstream {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Refresh refresh(Duration longest = {}) {
  return Refresh("u", "a.test", longest);
}

TEST(Refresh, AsksAgainWhenTheAnswerIsTooOld) {
  auto one = refresh();
  EXPECT_EQ(one.found(seconds(7), 1), seconds(7));
  EXPECT_EQ(one.found(seconds(0), 1), seconds(1));
  EXPECT_EQ(one.found(seconds(86400), 1), seconds(300));
}

TEST(Refresh, ABoundOfTheOperatorsCounts) {
  auto one = refresh(seconds(5));
  EXPECT_EQ(one.found(seconds(60), 1), seconds(5));
  EXPECT_EQ(one.found(seconds(2), 1), seconds(2));
  for (int i = 0; i < 9; ++i) {
    EXPECT_LE(one.failed("x"), seconds(5));
  }
  EXPECT_EQ(refresh(milliseconds(1)).found(seconds(9), 1), seconds(1));
}

TEST(Refresh, FailuresAreAskedForMoreAndMoreRarely) {
  auto one = refresh();
  one.found(seconds(60), 1);
  for (const int wanted : {1, 2, 4, 8, 16, 30, 30, 30, 30, 30, 30}) {
    EXPECT_EQ(one.failed("timeout"), seconds(wanted));
    EXPECT_FALSE(one.empty());
  }
  EXPECT_EQ(one.found(seconds(60), 1), seconds(60));
  EXPECT_EQ(one.failed("timeout"), seconds(1));
}

TEST(Refresh, ThatThereIsNothingIsBelievedTheThirdTime) {
  auto one = refresh();
  one.found(seconds(60), 1);
  one.gone("NXDOMAIN");
  one.gone("NXDOMAIN");
  EXPECT_FALSE(one.empty());
  one.gone("NXDOMAIN");
  EXPECT_TRUE(one.empty());
}

TEST(Refresh, AFailureSaysNothingAboutThat) {
  auto one = refresh();
  one.found(seconds(60), 1);
  one.gone("NXDOMAIN");
  one.failed("timeout");
  one.gone("NXDOMAIN");
  EXPECT_FALSE(one.empty());
  for (int i = 0; i < 20; ++i) {
    one.failed("timeout");
  }
  EXPECT_FALSE(one.empty());
}

TEST(Refresh, AGoodAnswerStartsTheCountAnew) {
  auto one = refresh();
  for (int i = 0; i < 10; ++i) {
    one.found(seconds(60), 1);
    one.gone("NXDOMAIN");
    one.gone("NXDOMAIN");
    EXPECT_FALSE(one.empty());
  }
}

TEST(Refresh, IsSettledByAnyAnswer) {
  auto a = refresh();
  EXPECT_FALSE(a.settled());
  a.failed("timeout");
  EXPECT_TRUE(a.settled());
  auto b = refresh();
  b.gone("NXDOMAIN");
  EXPECT_TRUE(b.settled());
  auto c = refresh();
  c.found(seconds(1), 1);
  EXPECT_TRUE(c.settled());
}

TEST(Refresh, APartThatFailedIsAskedForSoon) {
  auto one = refresh();
  one.found(seconds(60), 2);
  EXPECT_EQ(one.found(seconds(60), 2, "timeout"), seconds(1));
  EXPECT_EQ(one.found(seconds(60), 2, "timeout"), seconds(2));
  EXPECT_EQ(one.found(seconds(60), 2), seconds(60));
}

}  // namespace
}  // namespace pingap::upstream

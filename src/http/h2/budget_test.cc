#include "http/h2/budget.h"

#include <gtest/gtest.h>

namespace pingap::http::h2 {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TimePoint kStart{seconds(1000)};

TEST(TokenBucket, IsEmptyAfterItsBurst) {
  TokenBucket bucket(3, 10);
  EXPECT_TRUE(bucket.take(kStart) && bucket.take(kStart) && bucket.take(kStart));
  EXPECT_FALSE(bucket.take(kStart));
}

TEST(TokenBucket, FillsWithTimeUpToItsBurst) {
  TokenBucket bucket(3, 10);
  while (bucket.take(kStart)) {
  }
  EXPECT_FALSE(bucket.take(kStart + milliseconds(99)));
  EXPECT_TRUE(bucket.take(kStart + milliseconds(100)));
  EXPECT_FALSE(bucket.take(kStart + milliseconds(100)));
  int taken = 0;
  while (bucket.take(kStart + seconds(60))) {
    ++taken;
  }
  EXPECT_EQ(taken, 3);
}

TEST(TokenBucket, LosesNothingToFrequentLooks) {
  TokenBucket bucket(1, 10);
  bucket.take(kStart);
  int taken = 0;
  for (int ms = 1; ms <= 1000; ++ms) {
    taken += bucket.take(kStart + milliseconds(ms)) ? 1 : 0;
  }
  EXPECT_EQ(taken, 10);
}

}  // namespace
}  // namespace pingap::http::h2

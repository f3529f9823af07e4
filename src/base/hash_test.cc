#include "base/hash.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace pingap {
namespace {

TEST(Hash, IsTheSameEverywhere) {
  // Consistent hashing on several machines relies on it.
  EXPECT_EQ(hash64(""), 0x2d06800538d394c2U);
  EXPECT_EQ(hash64("127.0.0.1"), hash64(std::string("127.0.0.1")));
}

TEST(Hash, TellsTextsApart) {
  std::set<uint64_t> seen;
  for (int i = 0; i < 10'000; ++i) {
    seen.insert(hash64("/api/v1/" + std::to_string(i)));
    seen.insert(mix64(static_cast<uint64_t>(i)));
  }
  EXPECT_EQ(seen.size(), 20'000U);
}

}  // namespace
}  // namespace pingap

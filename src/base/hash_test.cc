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

// The vector of the paper that describes it.
TEST(Hash, IsSipHash24WhereItIsKeyed) {
  std::string bytes;
  for (char c = 0; c < 15; ++c) {
    bytes += c;
  }
  const HashKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  EXPECT_EQ(keyed_hash64(bytes, key), 0xa129ca6149be45e5u);
  EXPECT_NE(keyed_hash64(bytes, {key[0], key[1] + 1}), keyed_hash64(bytes, key));
}

}  // namespace
}  // namespace pingap

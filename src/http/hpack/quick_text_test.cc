#include "http/hpack/quick_text.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace pingap::http::hpack {
namespace {

// Of each size, against the same text with one byte another.
TEST(QuickText, IsComparedWhole) {
  for (size_t size = 0; size < 70; ++size) {
    const std::string text(size, 'x');
    EXPECT_TRUE(quick_equal(text, std::string(size, 'x'))) << size;
    EXPECT_FALSE(quick_equal(text, text + 'x')) << size;
    for (size_t i = 0; i < size; ++i) {
      std::string other = text;
      other[i] = 'y';
      EXPECT_FALSE(quick_equal(text, other)) << size << ' ' << i;
    }
  }
}

TEST(QuickText, HashIsOfSeedLengthAndEnds) {
  std::set<uint64_t> hashes;
  for (size_t size = 0; size < 70; ++size) {
    const std::string text(size, 'x');
    hashes.insert(quick_hash(text, 0) >> 32);
    hashes.insert(quick_hash(text, 1) >> 32);
    if (size > 0) {
      hashes.insert(quick_hash('y' + text.substr(1), 0) >> 32);
    }
    if (size > 1) {
      hashes.insert(quick_hash(text.substr(1) + 'y', 0) >> 32);
    }
  }
  EXPECT_EQ(hashes.size(), 70U + 70U + 69U + 68U);
}

}  // namespace
}  // namespace pingap::http::hpack

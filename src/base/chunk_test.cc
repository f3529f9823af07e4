#include "base/chunk.h"

#include <vector>

#include <gtest/gtest.h>

namespace pingap {
namespace {

// Takes so many chunks at once that all of them are new or from the free list, and gives them back.
void burst(size_t count) {
  std::vector<ChunkRef> chunks;
  for (size_t i = 0; i < count; ++i) {
    chunks.push_back(make_chunk());
  }
}

TEST(FreeChunks, AreKeptWhileTheyAreNeeded) {
  burst(500);
  trim_free_chunks();
  burst(500);
  EXPECT_TRUE(trim_free_chunks()) << "needed since the call before";
  EXPECT_FALSE(trim_free_chunks()) << "not needed any more";
}

TEST(FreeChunks, AreGivenBackAsFarAsTheyWereNotNeeded) {
  burst(500);
  trim_free_chunks();
  burst(200);
  EXPECT_TRUE(trim_free_chunks());
  burst(200);
  EXPECT_TRUE(trim_free_chunks());
  burst(10);
  EXPECT_FALSE(trim_free_chunks()) << "the last few are kept, and nothing is left to do";
}

}  // namespace
}  // namespace pingap

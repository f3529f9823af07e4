#include "session/h2_memory.h"

#include <cstdint>
#include <cstring>

#include <gtest/gtest.h>

namespace pingap::session {
namespace {

class H2Memory : public ::testing::Test {
 protected:
  void* get(size_t size) { return memory_.malloc(size, nullptr); }

  void free(void* block) { memory_.free(block, nullptr); }

  nghttp2_mem& memory_ = *h2_memory();
};

TEST_F(H2Memory, GivesABlockOfAnySize) {
  for (const size_t size : {0U, 1U, 48U, 49U, 1007U, 1008U, 1009U, 1024U, 70000U}) {
    void* block = get(size);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % alignof(std::max_align_t), 0U);
    std::memset(block, 'x', size);
    free(block);
  }
  free(nullptr);
}

TEST_F(H2Memory, KeepsWhatWasFreed) {
  void* block = get(100);
  free(block);
  void* again = get(112);
  EXPECT_EQ(again, block) << "of the same size in steps";
  free(again);
}

TEST_F(H2Memory, ZeroesWhatWasUsedBefore) {
  void* block = get(200);
  std::memset(block, 'x', 200);
  free(block);
  const auto* zeros = static_cast<const char*>(memory_.calloc(2, 100, nullptr));
  for (size_t i = 0; i < 200; ++i) {
    ASSERT_EQ(zeros[i], 0);
  }
  free(const_cast<char*>(zeros));  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  EXPECT_EQ(memory_.calloc(SIZE_MAX / 2, 4, nullptr), nullptr);
}

TEST_F(H2Memory, MovesWhatGrowsAndShrinks) {
  void* block = memory_.realloc(nullptr, 10, nullptr);
  std::memcpy(block, "0123456789", 10);
  for (const size_t size : {48U, 60U, 900U, 1009U, 5000U, 2000U, 1008U, 900U, 10U}) {
    block = memory_.realloc(block, size, nullptr);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(std::memcmp(block, "0123456789", 10), 0) << size;
  }
  free(block);
}

}  // namespace
}  // namespace pingap::session

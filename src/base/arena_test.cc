#include "base/arena.h"

#include <array>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

namespace pingap {
namespace {

TEST(Arena, CopiesAreItsOwn) {
  Arena arena;
  std::string text = "abc";
  const std::string_view copy = arena.copy(text);
  text = "xyz";
  EXPECT_EQ(copy, "abc");
  EXPECT_EQ(arena.concat("a", text, std::string_view("b")), "axyzb");
}

// UBSan would say where they are handed to memcpy().
TEST(Arena, ViewsOfNothingAreTextsToo) {
  Arena arena;
  EXPECT_EQ(arena.copy({}), "");
  EXPECT_EQ(arena.concat(std::string_view(), std::string_view()), "");
  EXPECT_EQ(arena.concat(std::string_view(), "a", std::string_view()), "a");
}

TEST(Arena, FirstFillsWhatItWasGiven) {
  std::array<char, 64> first{};
  Arena arena{std::span<char>(first)};
  const char* inside = arena.copy(std::string(40, 'a')).data();
  EXPECT_TRUE(inside >= first.data() && inside < first.data() + first.size());
  const std::string_view outside = arena.copy(std::string(40, 'b'));
  EXPECT_TRUE(outside.data() < first.data() || outside.data() >= first.data() + first.size());
  EXPECT_EQ(outside, std::string(40, 'b'));
}

TEST(Arena, HoldsMoreThanAChunk) {
  Arena arena;
  const std::string large(3 * kChunkSize, 'l');
  EXPECT_EQ(arena.copy(large), large);
  EXPECT_EQ(arena.copy("after"), "after");
}

TEST(Arena, AlignsWhatItMakes) {
  Arena arena;
  for (int i = 0; i < 20; ++i) {
    arena.copy("x");
    EXPECT_EQ(reinterpret_cast<uintptr_t>(arena.make<uint64_t>(1U)) % alignof(uint64_t), 0U);
  }
}

}  // namespace
}  // namespace pingap

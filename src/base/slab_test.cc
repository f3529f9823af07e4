#include "base/slab.h"

#include <cstdint>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

namespace pingap {
namespace {

struct Thing final : Pooled<Thing> {
  char bytes[100];
};

void burst(size_t count) {
  std::vector<std::unique_ptr<Thing>> things;
  for (size_t i = 0; i < count; ++i) {
    things.push_back(std::make_unique<Thing>());
  }
}

TEST(Pooled, GivesAFreedBlockToTheNext) {
  auto thing = std::make_unique<Thing>();
  const auto first = reinterpret_cast<uintptr_t>(thing.get());
  thing.reset();
  thing = std::make_unique<Thing>();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(thing.get()), first);
}

TEST(Pooled, KeepsBlocksWhileTheyAreNeeded) {
  burst(200);
  FreeBlocks::trim_all();
  burst(200);
  EXPECT_TRUE(FreeBlocks::trim_all()) << "needed since the call before";
  EXPECT_FALSE(FreeBlocks::trim_all()) << "not needed any more";
}

}  // namespace
}  // namespace pingap

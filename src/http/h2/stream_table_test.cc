#include "http/h2/stream_table.h"

#include <map>
#include <memory>

#include <gtest/gtest.h>

#include "http/h2/test_stream.h"

namespace pingap::http::h2 {
namespace {

TEST(StreamTable, EmptyOneFindsNothing) {
  const StreamTable table;
  EXPECT_EQ(table.find(1), nullptr);
  EXPECT_EQ(table.count(), 0U);
}

// Against a map: numbers go up, streams end in any order, some stay for long.
TEST(StreamTable, FindsWhatIsThereAndNothingElse) {
  StreamTable table;
  std::map<int32_t, std::unique_ptr<TestStream>> all;
  uint32_t random = 7;
  int32_t next = 1;
  for (int i = 0; i < 20'000; ++i) {
    random = random * 1664525 + 1013904223;
    if ((random >> 16) % 100 >= all.size()) {
      next += 2 * static_cast<int32_t>(1 + (random >> 8) % 9);
      auto stream = std::make_unique<TestStream>(next);
      table.add(*stream);
      all[next] = std::move(stream);
    } else {
      const auto found =
          std::next(all.begin(), static_cast<std::ptrdiff_t>((random >> 8) % all.size()));
      table.remove(*found->second);
      all.erase(found);
    }
    ASSERT_EQ(table.count(), all.size());
    for (int32_t id = std::max(1, next - 200); id <= next; ++id) {
      const auto found = all.find(id);
      ASSERT_EQ(table.find(id), found == all.end() ? nullptr : found->second.get()) << id;
    }
  }
  size_t count = 0;
  table.for_each([&](const FramedStream& stream) { count += all.count(stream.id()); });
  EXPECT_EQ(count, all.size());
}

}  // namespace
}  // namespace pingap::http::h2

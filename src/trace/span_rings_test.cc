#include "trace/span_rings.h"

#include <atomic>
#include <cstring>
#include <thread>

#include <gtest/gtest.h>

namespace pingap::trace {
namespace {

// A record of `size` bytes that says `number` in all of its words but the first.
bool put(SpanRing& ring, uint32_t size, uint64_t number) {
  char* to = ring.prepare(size, 2);
  if (to == nullptr) {
    return false;
  }
  const uint64_t head = size;
  std::memcpy(to, &head, sizeof(head));
  for (uint32_t at = 8; at < size; at += 8) {
    std::memcpy(to + at, &number, sizeof(number));
  }
  ring.commit();
  return true;
}

void expect_record(const char* record, uint64_t number) {
  uint32_t size = 0;
  std::memcpy(&size, record, sizeof(size));
  for (uint32_t at = 8; at < size; at += 8) {
    uint64_t word = 0;
    std::memcpy(&word, record + at, sizeof(word));
    ASSERT_EQ(word, number);
  }
}

TEST(SpanRing, GivesBackWhatWasPutIn) {
  SpanRing ring(1);
  EXPECT_EQ(ring.front(), nullptr);
  for (uint64_t number = 0; number < 10'000; ++number) {
    ASSERT_TRUE(put(ring, 16 + 8 * static_cast<uint32_t>(number % 100), number));
    ASSERT_NE(ring.front(), nullptr);
    expect_record(ring.front(), number);
    ring.pop();
  }
  EXPECT_EQ(ring.front(), nullptr);
  EXPECT_EQ(ring.dropped(), 0U);
}

TEST(SpanRing, DropsAndCountsWhatFindsNoRoom) {
  SpanRing ring(1);
  uint64_t taken = 0;
  while (put(ring, 1000, taken)) {
    ++taken;
  }
  EXPECT_GE(taken, 60U);
  EXPECT_EQ(ring.dropped(), 2U);
  for (uint64_t number = 0; number < taken; ++number) {
    expect_record(ring.front(), number);
    ring.pop();
  }
  EXPECT_EQ(ring.front(), nullptr);
  EXPECT_TRUE(put(ring, 1000, 7));
  expect_record(ring.front(), 7);
}

TEST(SpanRing, SaysOnceThatItIsHalfFull) {
  SpanRing ring(1);
  size_t said = 0;
  for (size_t i = 0; i < 60; ++i) {
    ASSERT_NE(ring.prepare(1000, 1), nullptr);
    said += ring.commit() ? 1U : 0U;
  }
  EXPECT_EQ(said, 1U);
}

TEST(SpanRing, LosesNothingBetweenThreads) {
  SpanRing ring(1);
  constexpr uint64_t kRecords = 50'000;
  std::thread writer([&ring] {
    for (uint64_t number = 0; number < kRecords;) {
      if (put(ring, 16 + 8 * static_cast<uint32_t>(number % 50), number)) {
        ++number;
      } else {
        std::this_thread::yield();
      }
    }
  });
  for (uint64_t number = 0; number < kRecords;) {
    if (const char* record = ring.front()) {
      expect_record(record, number++);
      ring.pop();
    } else {
      std::this_thread::yield();
    }
  }
  writer.join();
}

TEST(SpanRing, MakesIdsThatDiffer) {
  SpanRing one(1);
  SpanRing other(1);
  EXPECT_TRUE(one.new_trace_id().valid());
  EXPECT_NE(one.new_trace_id(), one.new_trace_id());
  EXPECT_NE(one.new_trace_id(), other.new_trace_id());
  EXPECT_NE(one.new_span_id(), one.new_span_id());
}

TEST(SpanRings, CountGoesOnInTheNextOnes) {
  SpanRings first(2, 1, {});
  first.sent += 3;
  while (put(first.of(1), 1000, 0)) {
  }
  const SpanRings next(2, 1000, first.totals());
  EXPECT_EQ(next.totals().sent, 3U);
  EXPECT_EQ(next.totals().queue_full, 2U);
}

TEST(SpanRings, WakesWhoWaits) {
  SpanRings rings(1, 1, {});
  const auto begun = std::chrono::steady_clock::now();
  std::thread waker([&rings] { rings.wake(); });
  rings.wait_until(begun + std::chrono::hours(1));
  waker.join();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::minutes(1));
}

}  // namespace
}  // namespace pingap::trace

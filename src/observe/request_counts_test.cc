#include "observe/request_counts.h"

#include <algorithm>
#include <array>
#include <thread>

#include <gtest/gtest.h>

#include "observe/site_counts.h"

namespace pingap::observe {
namespace {

using std::chrono::milliseconds;

RequestCell::Answer answer(uint8_t method, uint16_t status) {
  return {method, status, milliseconds(1), 0, 0, 0};
}

uint64_t count_of(const RequestTotals& totals, uint8_t method, uint16_t status) {
  const auto found = std::ranges::find_if(totals.answers, [&](const AnswerTotals& one) {
    return one.method == method && one.status == status;
  });
  return found == totals.answers.end() ? 0 : found->count;
}

TEST(RequestCounts, AddsUpWhatWorkersCounted) {
  RequestCounts counts("s", "l", 3);
  counts.of(0).add({1, 200, milliseconds(3), 10, 20, 0});
  counts.of(2).add({1, 200, milliseconds(30), 1, 2, 31});
  counts.of(2).add({2, 404, milliseconds(30), 0, 0, 31});
  const RequestTotals totals = counts.totals();
  EXPECT_EQ(totals.answers.size(), 2U);
  EXPECT_EQ(count_of(totals, 1, 200), 2U);
  EXPECT_EQ(count_of(totals, 2, 404), 1U);
  EXPECT_EQ(totals.ends[0], 1U);
  EXPECT_EQ(totals.ends[31], 2U);
  EXPECT_EQ(totals.request_bytes, 11U);
  EXPECT_EQ(totals.response_bytes, 22U);
  EXPECT_EQ(totals.duration.count(), 3U);
  EXPECT_EQ(totals.duration.nanoseconds, 63'000'000U);
}

// All that backends usually send is told apart.
TEST(RequestCounts, HasRoomForTheUsualStatuses) {
  RequestCounts counts("s", "l", 1);
  const std::array<uint16_t, 16> statuses = {200, 201, 202, 204, 206, 301, 302, 304,
                                             400, 401, 403, 404, 429, 500, 502, 503};
  for (const uint16_t status : statuses) {
    for (const uint8_t method : std::array<uint8_t, 2>{0, 2}) {
      counts.of(0).add(answer(method, status));
    }
  }
  const RequestTotals totals = counts.totals();
  for (const uint16_t status : statuses) {
    EXPECT_EQ(count_of(totals, 0, status), 1U) << status;
    EXPECT_EQ(count_of(totals, 2, status), 1U) << status;
  }
}

// A backend that makes up statuses fills the table; nothing is lost in the sum.
TEST(RequestCounts, CountsTogetherWhatThereIsNoRoomFor) {
  RequestCounts counts("s", "l", 1);
  for (uint16_t status = 100; status < 1000; ++status) {
    counts.of(0).add(answer(0, status));
  }
  const RequestTotals totals = counts.totals();
  EXPECT_LE(totals.answers.size(), RequestCell::kAnswers + 1);
  uint64_t sum = 0;
  for (const AnswerTotals& one : totals.answers) {
    sum += one.count;
  }
  EXPECT_EQ(sum, 900U);
  EXPECT_GT(count_of(totals, 0, 0), 0U);
}

TEST(RequestCounts, IsReadWhileWorkersCount) {
  RequestCounts counts("s", "l", 2);
  constexpr uint64_t kEach = 20'000;
  const auto work = [&counts](uint32_t index) {
    Exemplars& exemplars = counts.of(index).exemplars();
    for (uint64_t i = 0; i < kEach; ++i) {
      counts.of(index).add(answer(0, 200));
      exemplars.set(i % 2 == 0 ? "aaaaaaaaaaaa" : "bbbbbbbbbbbbbbbb", ExemplarOf::request_id,
                    milliseconds(1), {}, WallTime(std::chrono::nanoseconds(i)));
    }
  };
  std::thread first(work, 0);
  std::thread second(work, 1);
  uint64_t before = 0;
  while (before < 2 * kEach) {
    const RequestTotals totals = counts.totals();
    const uint64_t now = count_of(totals, 0, 200);
    EXPECT_GE(now, before);
    before = now;
    if (totals.exemplars[0]) {
      const std::string& id = totals.exemplars[0]->id;
      EXPECT_TRUE(id == "aaaaaaaaaaaa" || id == "bbbbbbbbbbbbbbbb") << id;
    }
  }
  first.join();
  second.join();
}

TEST(SiteCounts, KnowsVersionsOfTls) {
  SiteCounts counts("s", 2);
  counts.cells[0].add_handshake("TLSv1.3", true, milliseconds(9));
  counts.cells[1].add_handshake("TLSv1.2", false, milliseconds(1));
  counts.cells[1].add_handshake("TLSv9", false, milliseconds(1));
  counts.cells[1].begun.add();
  const SiteTotals totals = counts.totals();
  EXPECT_EQ(totals.handshakes, (std::array<uint64_t, 3>{1, 1, 1}));
  EXPECT_EQ(totals.resumptions, 1U);
  EXPECT_EQ(totals.handshake_time.buckets[1], 1U);
  EXPECT_EQ(totals.begun, 1U);
  EXPECT_EQ(counts.rest->location(), "_other");
}

}  // namespace
}  // namespace pingap::observe

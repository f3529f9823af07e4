#include "exchange/log_time.h"

#include <cstdlib>
#include <ctime>
#include <string>

#include <gtest/gtest.h>

namespace pingap::exchange {
namespace {

class LogTimeTest : public testing::Test {
 protected:
  ~LogTimeTest() override { use_zone(before_.empty() ? nullptr : before_.c_str()); }

  static void use_zone(const char* zone) {
    if (zone == nullptr) {
      ::unsetenv("TZ");
    } else {
      ::setenv("TZ", zone, 1);
    }
    ::tzset();
  }

  std::string before_ = std::getenv("TZ") == nullptr ? "" : std::getenv("TZ");
};

WallTime at(int64_t milliseconds) {
  return WallTime{std::chrono::milliseconds(milliseconds)};
}

std::string make(char* (*put)(WallTime, char*) noexcept, WallTime time) {
  char room[64];
  return {room, put(time, room)};
}

TEST_F(LogTimeTest, WritesTheThreeForms) {
  use_zone("XXX-1");  // an hour ahead of UTC
  EXPECT_EQ(make(put_local_time, at(1767319445678)), "2026-01-02T03:04:05.678+01:00");
  EXPECT_EQ(make(put_utc_time, at(1767319445678)), "2026-01-02T02:04:05.678Z");
  EXPECT_EQ(make(put_clf_time, at(1767319445678)), "02/Jan/2026:03:04:05 +0100");
}

TEST_F(LogTimeTest, ChangesMillisecondsWithinASecond) {
  EXPECT_EQ(make(put_utc_time, at(1767319446001)), "2026-01-02T02:04:06.001Z");
  EXPECT_EQ(make(put_utc_time, at(1767319446999)), "2026-01-02T02:04:06.999Z");
  EXPECT_EQ(make(put_utc_time, at(1767319447000)), "2026-01-02T02:04:07.000Z");
}

TEST_F(LogTimeTest, WritesZonesWestOfGreenwichAndHalfHours) {
  use_zone("XXX3:30");
  EXPECT_EQ(make(put_local_time, at(1767319448000)), "2026-01-01T22:34:08.000-03:30");
  EXPECT_EQ(make(put_clf_time, at(1767319448000)), "01/Jan/2026:22:34:08 -0330");
}

TEST_F(LogTimeTest, TakesAClockThatStepsBack) {
  EXPECT_EQ(make(put_utc_time, at(86'400'000)), "1970-01-02T00:00:00.000Z");
  EXPECT_EQ(make(put_utc_time, at(0)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(make(put_utc_time, at(-1)), "1969-12-31T23:59:59.999Z");
}

}  // namespace
}  // namespace pingap::exchange

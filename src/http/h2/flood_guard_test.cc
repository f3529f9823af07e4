#include "http/h2/flood_guard.h"

#include <gtest/gtest.h>

namespace pingap::http::h2 {
namespace {

using std::chrono::seconds;

constexpr TimePoint kNow{seconds(1000)};

class Guard : public ::testing::Test {
 protected:
  ErrorCode frame(FrameType type, size_t length = 0) {
    return guard.on_frame(static_cast<uint8_t>(type), length, kNow);
  }

  ErrorCode headers(int32_t stream, size_t length = 0) {
    const ErrorCode why = frame(FrameType::headers, length);
    return why == ErrorCode::none ? guard.on_headers(stream) : why;
  }

  // How many of what `one` tells of are free.
  template <class One>
  static size_t allowed(One one, ErrorCode then) {
    for (size_t i = 0; i < 1'000'000; ++i) {
      if (const ErrorCode why = one(); why != ErrorCode::none) {
        EXPECT_EQ(why, then);
        return i;
      }
    }
    return SIZE_MAX;
  }

  FloodGuard guard;
};

TEST_F(Guard, FramesThatCarryNothingShareOneBudget) {
  for (const FrameType type : {FrameType::ping, FrameType::settings, FrameType::priority,
                               FrameType::goaway, FrameType{0x10}, FrameType{0xfe}}) {
    guard = {};
    EXPECT_EQ(allowed([&] { return frame(type); }, ErrorCode::h2_frame_flood),
              limits::kH2ControlBurst);
    EXPECT_EQ(guard.on_useless_frame(kNow), ErrorCode::h2_frame_flood);
  }
}

TEST_F(Guard, DataAndHeadsOfNewStreamsCostNothing) {
  int32_t stream = -1;
  EXPECT_EQ(allowed(
                [&] {
                  stream += 2;
                  const ErrorCode why = headers(stream, 100);
                  return why == ErrorCode::none ? frame(FrameType::data, 100) : why;
                },
                ErrorCode::none),
            SIZE_MAX);
}

TEST_F(Guard, ResetsHaveABudget) {
  EXPECT_EQ(allowed([&] { return guard.on_reset(kNow); }, ErrorCode::h2_reset_flood),
            limits::kH2ResetBurst);
  EXPECT_EQ(guard.on_reset(kNow + seconds(1)), ErrorCode::none);
}

TEST_F(Guard, LateResetsAreFreeOncePerStream) {
  const auto reset = [&] { return guard.on_late_reset(kNow); };
  EXPECT_EQ(allowed(reset, ErrorCode::h2_frame_flood), limits::kH2ControlBurst);
  guard.on_headers(1);
  guard.on_headers(3);
  EXPECT_EQ(allowed(reset, ErrorCode::h2_frame_flood), 2U);
}

TEST_F(Guard, StreamsRefusedBeforeTheClientKnowsBetterAreNotItsFault) {
  EXPECT_EQ(allowed([&] { return guard.on_refused_stream(kNow); }, ErrorCode::h2_reset_flood),
            limits::kH2Refused);
  guard = {};
  guard.on_settings_ack();
  EXPECT_EQ(allowed([&] { return guard.on_refused_stream(kNow); }, ErrorCode::h2_reset_flood),
            limits::kH2ResetBurst);
}

TEST_F(Guard, WindowUpdatesAreFreeAsFarAsTheyAnswerData) {
  const auto update = [&] { return guard.on_window_update(kNow); };
  const size_t first = allowed(update, ErrorCode::h2_frame_flood) - limits::kH2ControlBurst;
  EXPECT_GE(first, limits::kH2Streams);
  guard.on_data_sent();
  EXPECT_EQ(allowed(update, ErrorCode::h2_frame_flood), limits::kH2Updates);
}

TEST_F(Guard, BackendsOpenWindowsAsTheyLike) {
  EXPECT_EQ(allowed([&] { return frame(FrameType::window_update, 4); }, ErrorCode::none), SIZE_MAX);
}

TEST_F(Guard, HeaderBlockIsBoundedAsItIsSent) {
  EXPECT_EQ(headers(1, 16'384), ErrorCode::none);
  EXPECT_EQ(
      allowed([&] { return frame(FrameType::continuation, 16'384); }, ErrorCode::h2_head_flood),
      limits::kH2Bomb / 16'384 - 1);
  EXPECT_EQ(headers(3, 16'384), ErrorCode::none);
}

TEST_F(Guard, StreamThatWasPassedOverIsClosed) {
  EXPECT_EQ(headers(5), ErrorCode::none);
  EXPECT_EQ(headers(3), ErrorCode::h2_protocol);
  EXPECT_EQ(headers(1), ErrorCode::h2_protocol);
}

TEST_F(Guard, TrailersOfAStreamThatWasOpenedAreNoError) {
  for (const int32_t stream : {1, 3, 7}) {
    EXPECT_EQ(headers(stream), ErrorCode::none);
  }
  for (const int32_t stream : {1, 3, 7}) {
    EXPECT_EQ(headers(stream), ErrorCode::none);
  }
  EXPECT_EQ(headers(5), ErrorCode::h2_protocol);
}

TEST_F(Guard, StreamsLongAgoAreForgotten) {
  EXPECT_EQ(headers(3), ErrorCode::none);
  EXPECT_EQ(headers(0x7fffffff), ErrorCode::none);
  EXPECT_EQ(headers(1), ErrorCode::none);
  EXPECT_EQ(headers(0x7ffffffd), ErrorCode::h2_protocol);
}

}  // namespace
}  // namespace pingap::http::h2

#include "trace/context.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace pingap::trace {
namespace {

constexpr std::string_view kTrace = "0af7651916cd43dd8448eb211c80319c";
constexpr std::string_view kSpan = "b7ad6b7169203331";

std::string traceparent(std::string_view version, std::string_view trace, std::string_view span,
                        std::string_view flags, std::string_view rest = {}) {
  std::string text(version);
  for (const std::string_view part : {trace, span, flags}) {
    text += "-" + std::string(part);
  }
  return text + std::string(rest);
}

void expect_parent(const std::optional<Parent>& parent, Parent::Sampled sampled,
                   std::string_view what) {
  ASSERT_TRUE(parent) << what;
  EXPECT_EQ(parent->trace, (TraceId{0x0af7651916cd43dd, 0x8448eb211c80319c})) << what;
  EXPECT_EQ(parent->span, 0xb7ad6b7169203331) << what;
  EXPECT_EQ(parent->sampled, sampled) << what;
}

TEST(Traceparent, IsRead) {
  expect_parent(parse_traceparent(traceparent("00", kTrace, kSpan, "01")), Parent::Sampled::yes,
                "sampled");
  expect_parent(parse_traceparent(traceparent("00", kTrace, kSpan, "00")), Parent::Sampled::no,
                "not sampled");
  expect_parent(parse_traceparent(traceparent("00", kTrace, kSpan, "fd")), Parent::Sampled::yes,
                "other flags");
  expect_parent(parse_traceparent(traceparent("cc", kTrace, kSpan, "01")), Parent::Sampled::yes,
                "a later version");
  expect_parent(parse_traceparent(traceparent("01", kTrace, kSpan, "01", "-what-the-future")),
                Parent::Sampled::yes, "a later version with more");
}

TEST(Traceparent, IsRefusedWhereItIsNotOfItsForm) {
  const std::string good = traceparent("00", kTrace, kSpan, "01");
  const std::string zeros(32, '0');
  std::vector<std::string> bad = {
      "",
      "-",
      traceparent("ff", kTrace, kSpan, "01"),
      traceparent("0x", kTrace, kSpan, "01"),
      traceparent("00", zeros, kSpan, "01"),
      traceparent("00", kTrace, zeros.substr(16), "01"),
      traceparent("00", kTrace, kSpan, "0X"),
      traceparent("00", "0AF7651916CD43DD8448EB211C80319C", kSpan, "01"),
      traceparent("00", kTrace, "B7AD6B7169203331", "01"),
      traceparent("00", kTrace, kSpan, "01", "-more"),
      traceparent("00", kTrace, kSpan, "01", "."),
      traceparent("01", kTrace, kSpan, "01", ".more"),
      " " + good,
      good + " ",
  };
  for (size_t i = 0; i < good.size(); ++i) {
    bad.push_back(good.substr(0, i));
    std::string broken = good;
    broken[i] = 'g';
    bad.push_back(broken);
  }
  for (const std::string& text : bad) {
    EXPECT_FALSE(parse_traceparent(text)) << text;
  }
}

TEST(Traceparent, IsWrittenAsItIsRead) {
  std::string text(kTraceparentLine, '?');
  put_traceparent_line({0x0af7651916cd43dd, 0x8448eb211c80319c}, 0xb7ad6b7169203331, true,
                       text.data());
  EXPECT_EQ(text, "traceparent: " + traceparent("00", kTrace, kSpan, "01") + "\r\n");
  EXPECT_EQ(text.substr(kTraceparentAt, kTraceparentSize), traceparent("00", kTrace, kSpan, "01"));
  EXPECT_EQ(text.substr(kTraceparentAt + kTraceparentSpanAt, kSpanIdSize), kSpan);
}

TEST(B3, IsRead) {
  const std::string ids = std::string(kTrace) + "-" + std::string(kSpan);
  expect_parent(parse_b3(ids), Parent::Sampled::unsaid, "ids");
  expect_parent(parse_b3(ids + "-1"), Parent::Sampled::yes, "sampled");
  expect_parent(parse_b3(ids + "-d"), Parent::Sampled::yes, "debug");
  expect_parent(parse_b3(ids + "-0"), Parent::Sampled::no, "not sampled");
  expect_parent(parse_b3(ids + "-1-05e3ac9a4f6e3b90"), Parent::Sampled::yes, "with its parent");
  expect_parent(parse_b3_fields(kTrace, kSpan, "1", ""), Parent::Sampled::yes, "fields");
  expect_parent(parse_b3_fields(kTrace, kSpan, "", "1"), Parent::Sampled::yes, "flags");
  expect_parent(parse_b3_fields(kTrace, kSpan, "", ""), Parent::Sampled::unsaid, "no decision");
  const auto small = parse_b3(std::string(kSpan) + "-" + std::string(kSpan));
  ASSERT_TRUE(small);
  EXPECT_EQ(small->trace, (TraceId{0, 0xb7ad6b7169203331}));
}

TEST(B3, IsRefusedWhereItIsNotOfItsForm) {
  const std::string ids = std::string(kTrace) + "-" + std::string(kSpan);
  for (const std::string& text :
       {std::string(), std::string("0"), std::string("1"), std::string(kTrace), ids + "-",
        ids + "-2", ids + "-1-", ids + "-1-xyz", ids + "-1x", ids + "x",
        std::string(kTrace) + "-" + std::string(16, '0'), std::string(32, '0') + "-1"}) {
    EXPECT_FALSE(parse_b3(text)) << text;
  }
  EXPECT_FALSE(parse_b3_fields(kTrace, kSpan, "maybe", ""));
  EXPECT_FALSE(parse_b3_fields("", "", "1", ""));
}

TEST(B3, IsWrittenAsItIsRead) {
  std::string text(kB3Size, '?');
  put_b3({0x0af7651916cd43dd, 0x8448eb211c80319c}, 0xb7ad6b7169203331, false, text.data());
  EXPECT_EQ(text, std::string(kTrace) + "-" + std::string(kSpan) + "-0");
  EXPECT_EQ(text.substr(kB3SpanAt, kSpanIdSize), kSpan);
}

TEST(Tracestate, IsBounded) {
  size_t size = 0;
  size_t members = 0;
  EXPECT_TRUE(tracestate_fits("a=1,b=2", size, members));
  EXPECT_TRUE(tracestate_fits(std::string(504, 'x'), size, members));
  EXPECT_EQ(size, kMaxTracestate);
  EXPECT_EQ(members, 3U);
  EXPECT_FALSE(tracestate_fits("", size, members));  // its comma
  size = members = 0;
  EXPECT_TRUE(tracestate_fits(std::string(31, ','), size, members));
  EXPECT_FALSE(tracestate_fits("a=1", size, members));
}

}  // namespace
}  // namespace pingap::trace

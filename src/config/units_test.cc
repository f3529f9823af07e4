#include "config/units.h"

#include <gtest/gtest.h>

namespace pingap::config {
namespace {

TEST(Duration, ReadsWhatPeopleWrite) {
  struct Case {
    const char* text;
    int64_t milliseconds;
  };

  for (const Case& one : std::initializer_list<Case>{{"0s", 0},
                                                     {"0ms", 0},
                                                     {"500ms", 500},
                                                     {"10s", 10'000},
                                                     {"2m", 120'000},
                                                     {"1h", 3'600'000},
                                                     {"1h 30m", 5'400'000},
                                                     {"1h30m", 5'400'000},
                                                     {" 1 h  30 m ", 5'400'000},
                                                     {"1m 500ms", 60'500},
                                                     {"2d", 172'800'000},
                                                     {"366d", 31'622'400'000}}) {
    const auto parsed = parse_duration(one.text);
    ASSERT_TRUE(parsed) << one.text;
    EXPECT_EQ(parsed->count(), one.milliseconds) << one.text;
  }
}

TEST(Duration, RefusesTheRestWithAHint) {
  struct Case {
    const char* text;
    const char* what;
    const char* hint;
  };

  for (const Case& one : std::initializer_list<Case>{
           {"", "`` is not a duration", ""},
           {"30", "`30` is not a duration", R"(did you mean "30s"?)"},
           {"0", "`0` is not a duration", R"(write "0s")"},
           {"s", "`s` is not a duration", ""},
           {"-1s", "`-1s` is not a duration", ""},
           {"1.5s", "`1.5s` is not a duration", "units are ms, s, m, h and d"},
           {"1S", "`1S` is not a duration", "units are ms, s, m, h and d"},
           {"1w", "`1w` is not a duration", "units are ms, s, m, h and d"},
           {"1s 30", "`1s 30` is not a duration", R"(did you mean "1s 30s"?)"},
           {"30m 1h", "`30m 1h` is not a duration", "larger units come first, each once"},
           {"1s 1s", "`1s 1s` is not a duration", "larger units come first, each once"},
           {"367d", "`367d` is too long", ""},
           {"366d 1ms", "`366d 1ms` is too long", ""},
           {"999999999999999999d", "`999999999999999999d` is too long", ""},
           {"9999999999999999999s", "`9999999999999999999s` is not a duration", ""},
           {"inf", "`inf` is not a duration", ""},
           {"nan", "`nan` is not a duration", ""}}) {
    const auto parsed = parse_duration(one.text);
    ASSERT_FALSE(parsed) << one.text;
    EXPECT_EQ(parsed.error().what, one.what);
    EXPECT_EQ(parsed.error().hint, one.hint) << one.text;
  }
}

TEST(Size, ReadsWhatPeopleWrite) {
  struct Case {
    const char* text;
    uint64_t bytes;
  };

  for (const Case& one : std::initializer_list<Case>{{"0", 0},
                                                     {"65536", 65536},
                                                     {"10b", 10},
                                                     {"64kb", 64'000},
                                                     {"64KB", 64'000},
                                                     {"64k", 64'000},
                                                     {"64KiB", 65'536},
                                                     {"1 MiB", 1 << 20},
                                                     {"10mb", 10'000'000},
                                                     {"1gb", 1'000'000'000},
                                                     {"1GiB", 1 << 30}}) {
    const auto parsed = parse_size(one.text);
    ASSERT_TRUE(parsed) << one.text;
    EXPECT_EQ(*parsed, one.bytes) << one.text;
  }
}

TEST(Size, RefusesTheRest) {
  for (const char* text : {"", "kb", "-1", "1.5mb", "1tb", "1 k b", "1kb2", "0x10",
                           "9223372036854775808", "999999999999999999gib"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
  EXPECT_EQ(parse_size("1tb").error().hint, "units are b, kb, mb, gb and KiB, MiB, GiB");
  EXPECT_EQ(parse_size("999999999999999999gib").error().what,
            "`999999999999999999gib` is too large");
}

TEST(Units, FormatsSoThatItParsesBack) {
  using std::chrono::milliseconds;
  EXPECT_EQ(format_duration(milliseconds(0)), "0s");
  EXPECT_EQ(format_duration(milliseconds(5'400'000)), "1h 30m");
  EXPECT_EQ(format_duration(milliseconds(61'500)), "1m 1s 500ms");
  EXPECT_EQ(format_size(0), "0");
  EXPECT_EQ(format_size(500), "500");
  EXPECT_EQ(format_size(64 << 10), "64KiB");
  EXPECT_EQ(format_size(64 << 20), "64MiB");
  for (const int64_t count : {1, 999, 86'400'001}) {
    EXPECT_EQ(parse_duration(format_duration(milliseconds(count)))->count(), count);
  }
}

}  // namespace
}  // namespace pingap::config

#include "base/log.h"

#include <array>
#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "base/log_repeat.h"

namespace pingap::log {
namespace {

const WallTime kNow{std::chrono::milliseconds(1767319445678)};

// What would go to a file.
class Lines final : public Output {
 public:
  explicit Lines(Format format = Format::text) {
    set_levels(all_of(LogLevel::info));
    set_output(this, format);
  }

  ~Lines() override {
    set_output(nullptr, Format::text);
    set_levels(all_of(LogLevel::info));
  }

  bool take(const Record& record, std::string_view line) noexcept override {
    levels.push_back(record.level);
    // Without its time.
    lines.emplace_back(line.substr(line.find(line.starts_with('{') ? ',' : ' ') + 1));
    return true;
  }

  std::vector<std::string> lines;
  std::vector<LogLevel> levels;
};

TEST(Log, KnowsTheComponentOfAFile) {
  static_assert(kComponents[component_of("/x/src/tls/context.cc")] == "tls");
  static_assert(kComponents[component_of("./src/http/h1/parser.cc")] == "http");
  static_assert(kComponents[component_of("src/cli/main.cc")] == "cli");
  static_assert(kComponents[component_of("fuzz/x.cc")] == "other");
  static_assert(kComponents[component_of("/home/src/x/src/proxy/a.cc")] == "proxy");
  EXPECT_EQ(find_component("tls"), component_of("src/tls/a.cc"));
  EXPECT_FALSE(find_component("ssl").has_value());
}

TEST(Log, WritesTextAndJson) {
  const Record record{LogLevel::warn, component_of("src/tls/a.cc"), kNow,
                      "say \"x\"\n\x1b[31m caf\xc3\xa9 \xff", "id-1"};
  std::string text;
  append_text(record, text);
  EXPECT_EQ(text,
            "2026-01-02T02:04:05.678Z warn [id-1] say \"x\"\\x0a\\x1b[31m caf\xc3\xa9 \\xff\n");
  std::string json;
  append_json(record, json);
  EXPECT_EQ(json,
            "{\"time\":\"2026-01-02T02:04:05.678Z\",\"level\":\"warn\",\"component\":\"tls\","
            "\"request_id\":\"id-1\",\"message\":\"say \\\"x\\\"\\u000a\\u001b[31m caf\xc3\xa9 "
            "\\u00ff\"}\n");
}

TEST(Log, LevelsAreOfComponents) {
  Lines out;
  auto levels = all_of(LogLevel::warn);
  levels[component_of("src/base/x.cc")] = LogLevel::debug;
  set_levels(levels);
  PINGAP_LOG(debug, "from {}", "base");
  EXPECT_TRUE(enabled(LogLevel::debug, component_of("src/base/x.cc")));
  EXPECT_FALSE(enabled(LogLevel::info, component_of("src/tls/x.cc")));
  levels[component_of("src/base/x.cc")] = LogLevel::off;
  set_levels(levels);
  PINGAP_LOG(error, "not seen");
  EXPECT_EQ(out.lines, std::vector<std::string>{"debug from base\n"});
}

TEST(Log, EvaluatesNothingWhenItIsOff) {
  const Lines out;
  int calls = 0;
  PINGAP_LOG(debug, "{}", ++calls);
  EXPECT_EQ(calls, 0);
}

TEST(Log, HoldsBackWhatRepeatsItself) {
  Lines out;
  for (int i = 0; i < 20; ++i) {
    PINGAP_LOG(warn, "the same");
    PINGAP_LOG(info, "an event");
  }
  for (int i = 0; i < 3; ++i) {
    PINGAP_LOG(warn, "another {}", i);
  }
  EXPECT_EQ(out.lines.size(), Repeats::kSameText + 20 + 3);
}

TEST(Log, CorrelatesWithARequest) {
  Lines out(Format::json);
  PINGAP_LOG_OF("abc", warn, "x");
  PINGAP_LOG(warn, "y");
  ASSERT_EQ(out.lines.size(), 2U);
  EXPECT_NE(out.lines[0].find("\"request_id\":\"abc\""), std::string::npos);
  EXPECT_EQ(out.lines[1].find("request_id"), std::string::npos);
}

TEST(Log, DropsALineRatherThanWaitForTheReaderOfAPipe) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  const int before = ::dup(STDERR_FILENO);
  ::fcntl(pipe[1], F_SETFL, O_NONBLOCK);
  const std::string filler(4096, 'x');
  while (::write(pipe[1], filler.data(), filler.size()) > 0) {
  }
  ::fcntl(pipe[1], F_SETFL, 0);
  ::dup2(pipe[1], STDERR_FILENO);
  const uint64_t lost = dropped();
  PINGAP_LOG(warn, "nobody reads this");
  EXPECT_EQ(dropped(), lost + 1);
  ::dup2(before, STDERR_FILENO);
  for (const int fd : {pipe[0], pipe[1], before}) {
    ::close(fd);
  }
}

// ---- repeats

constexpr std::chrono::seconds kStart{1000};

TEST(Repeats, PassSomeAndCountTheOthers) {
  Repeats repeats;
  const TimePoint start{kStart};
  const int place = 0;
  uint64_t held = 0;
  uint32_t passed = 0;
  for (int i = 0; i < 50; ++i) {
    passed += repeats.pass(&place, "text", start, held) ? 1U : 0U;
  }
  EXPECT_EQ(passed, Repeats::kSameText);
  EXPECT_TRUE(repeats.pass(&place, "other", start, held));
  EXPECT_EQ(repeats.take_over(start), 0U);
  EXPECT_TRUE(repeats.pass(&place, "text", start + Repeats::kWindow, held));
  EXPECT_EQ(held, 50U - Repeats::kSameText);
  EXPECT_EQ(repeats.take_over(start + 3 * Repeats::kWindow), 0U) << "it was said";
}

TEST(Repeats, BoundAPlaceWhateverItSays) {
  Repeats repeats;
  const TimePoint start{kStart};
  const int place = 0;
  const int other = 0;
  uint64_t held = 0;
  uint32_t passed = 0;
  for (int i = 0; i < 1000; ++i) {
    passed += repeats.pass(&place, std::to_string(i), start, held) ? 1U : 0U;
  }
  EXPECT_EQ(passed, Repeats::kSamePlace);
  EXPECT_TRUE(repeats.pass(&other, "x", start, held));
  EXPECT_EQ(repeats.take_over(start + Repeats::kWindow), 900U);
}

TEST(Repeats, LoseNoCountWhenMuchIsSaid) {
  Repeats repeats;
  const TimePoint start{kStart};
  std::vector<int> places(2000);
  uint64_t held = 0;
  uint64_t told = 0;
  uint64_t passed = 0;
  for (int i = 0; i < 20; ++i) {
    for (const int& place : places) {
      const bool pass = repeats.pass(&place, "text", start, held);
      passed += pass ? 1U : 0U;
      told += pass ? std::exchange(held, 0) : 0U;
    }
  }
  told += repeats.take_over(start + Repeats::kWindow);
  EXPECT_EQ(passed + told, 20U * 2000U);
}

}  // namespace
}  // namespace pingap::log

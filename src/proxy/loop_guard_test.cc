#include "proxy/loop_guard.h"

#include <string>

#include <gtest/gtest.h>

#include "http/limits.h"

namespace pingap::proxy {
namespace {

bool is_loop_with(std::initializer_list<std::string> values) {
  http::Field room[8];
  http::HeaderMap headers{std::span<http::Field>(room)};
  for (const std::string& value : values) {
    headers.add(http::HeaderId::via, value);
  }
  return is_loop(headers, "edge");
}

std::string passes(size_t count, const std::string& entry = "1.1 edge") {
  std::string list;
  for (size_t i = 0; i < count; ++i) {
    list += (i == 0 ? "" : ", ") + entry;
  }
  return list;
}

constexpr size_t kMost = http::limits::kPasses;

TEST(LoopGuard, LetsAnHonestChainOfEqualNamesPass) {
  EXPECT_FALSE(is_loop_with({}));
  EXPECT_FALSE(is_loop_with({""}));
  EXPECT_FALSE(is_loop_with({passes(kMost)}));
}

TEST(LoopGuard, FindsOneEntryTooMany) {
  EXPECT_TRUE(is_loop_with({passes(kMost + 1)}));
  EXPECT_TRUE(is_loop_with({passes(kMost), "1.0 EDGE"}));
  EXPECT_TRUE(is_loop_with({passes(kMost), "1.1 other, HTTP/1.1\t edge (a comment)"}));
}

TEST(LoopGuard, CountsOnlyWhatIsOurName) {
  for (const char* entry :
       {"edge", "1.1 edge2", "1.1 other (edge)", "1.1 edge:80", "1.1", ",", " "}) {
    EXPECT_FALSE(is_loop_with({passes(2 * kMost, entry)})) << entry;
  }
}

}  // namespace
}  // namespace pingap::proxy

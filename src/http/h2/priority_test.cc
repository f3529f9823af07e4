#include "http/h2/priority.h"

#include <gtest/gtest.h>

namespace pingap::http::h2 {
namespace {

struct Case {
  std::string_view text;
  uint8_t urgency;
  bool incremental;
};

constexpr Case kCases[] = {
    {"", 3, false},         {"u=0", 0, false},         {"u=7, i", 7, true},
    {"i", 3, true},         {"i=?1,u=5", 5, true},     {"i=?0", 3, false},
    {" u=2 ", 2, false},    {"u=1;x=y, i;z", 1, true}, {"other=9, u=4", 4, false},
    {"u=1, u=2", 2, false}, {"u=8", 3, false},         {"u=-1", 3, false},
    {"u=?1, i", 3, true},   {"i=1, u=2", 2, false},    {"u=1, =, i", 3, false},
    {"u=", 3, false},       {"U=1", 3, false},         {"u=1,,i", 3, false},
    {"9=1, u=0", 3, false},
};

TEST(Priority, IsReadOrTheDefault) {
  for (const Case& c : kCases) {
    const Priority priority = parse_priority(c.text);
    EXPECT_EQ(priority.urgency, c.urgency) << c.text;
    EXPECT_EQ(priority.incremental, c.incremental) << c.text;
  }
}

}  // namespace
}  // namespace pingap::http::h2

#include "http/date.h"

#include <ctime>
#include <string_view>

#include <gtest/gtest.h>

namespace pingap::http {
namespace {

TEST(Date, IsWrittenAsImfFixdate) {
  struct Case {
    int64_t seconds;
    std::string_view text;
  };

  constexpr Case kCases[] = {
      {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},
      {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
      {951782399, "Mon, 28 Feb 2000 23:59:59 GMT"},
      {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
      {4107542400, "Mon, 01 Mar 2100 00:00:00 GMT"},
      {253402300799, "Fri, 31 Dec 9999 23:59:59 GMT"},
  };
  for (const Case& c : kCases) {
    const DateText text = format_date(c.seconds);
    EXPECT_EQ(std::string_view(text.data(), text.size()), c.text);
  }
}

TEST(Date, IsThePresentSecond) {
  const int64_t before = std::time(nullptr);
  const std::string_view now = date_now();
  const int64_t after = std::time(nullptr);
  bool found = false;
  for (int64_t second = before; second <= after; ++second) {
    const DateText text = format_date(second);
    found = found || now == std::string_view(text.data(), text.size());
  }
  EXPECT_TRUE(found) << now;
}

}  // namespace
}  // namespace pingap::http

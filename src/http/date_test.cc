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

// RFC 9110 5.6.7
TEST(Date, IsReadInItsThreeForms) {
  for (const char* text : {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                           "Sun Nov  6 08:49:37 1994"}) {
    EXPECT_EQ(parse_date(text), 784111777) << text;
  }
  EXPECT_EQ(parse_date("Sun Nov 16 08:49:37 1994"), 784975777);
  EXPECT_EQ(parse_date("Tue, 29 Feb 2000 00:00:00 GMT"), 951782400);
  for (const char* bad :
       {"", "x", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT", "1994-11-06",
        "Sun, 06 Nov 1994 08:49:37 GMT ", "Sun, 00 Nov 1994 08:49:37 GMT", "Sun Nov"}) {
    EXPECT_EQ(parse_date(bad), std::nullopt) << bad;
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

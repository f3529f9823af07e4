#include "base/status_set.h"

#include <gtest/gtest.h>

namespace pingap {
namespace {

TEST(StatusSet, TakesOneARangeAndAClass) {
  StatusSet set;
  EXPECT_TRUE(set.empty());
  EXPECT_TRUE(set.add("404"));
  EXPECT_TRUE(set.add("5xx"));
  EXPECT_TRUE(set.add("301-303"));
  for (const int status : {404, 500, 503, 599, 301, 302, 303}) {
    EXPECT_TRUE(set.contains(static_cast<uint16_t>(status))) << status;
  }
  for (const int status : {0, 99, 200, 300, 304, 403, 405, 499, 600, 1000, 65535}) {
    EXPECT_FALSE(set.contains(static_cast<uint16_t>(status))) << status;
  }
}

TEST(StatusSet, RefusesWhatIsNone) {
  for (const char* text : {"", "5", "50", "5000", "600", "099", "6xx", "0xx", "5x", "xxx", "503-",
                           "-503", "503-500", "503-50", "503--504", "abc", "503 "}) {
    StatusSet set;
    EXPECT_FALSE(set.add(text)) << text;
    EXPECT_TRUE(set.empty()) << text;
  }
}

}  // namespace
}  // namespace pingap

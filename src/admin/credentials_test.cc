#include "admin/credentials.h"

#include <gtest/gtest.h>

namespace pingap::admin {
namespace {

TEST(Credentials, LetsEverybodyWhereThereAreNone) {
  EXPECT_TRUE(Credentials().allow(""));
  EXPECT_TRUE(Credentials("", "", "").allow("Basic x"));
}

TEST(Credentials, WantsTheNameAndThePassword) {
  const Credentials credentials("prometheus", "s3cret:x", "");
  EXPECT_TRUE(credentials.allow("Basic cHJvbWV0aGV1czpzM2NyZXQ6eA=="));
  EXPECT_TRUE(credentials.allow("basic cHJvbWV0aGV1czpzM2NyZXQ6eA=="));
  for (const char* wrong :
       {"", "Basic ", "Basic cHJvbWV0aGV1czpzM2NyZXQ6eQ==", "Basic cHJvbWV0aGV1czpzM2NyZXQ6eA==x",
        "Bearer s3cret:x", "cHJvbWV0aGV1czpzM2NyZXQ6eA=="}) {
    EXPECT_FALSE(credentials.allow(wrong)) << wrong;
  }
}

TEST(Credentials, TakesTheToken) {
  const Credentials credentials("", "", "abc");
  EXPECT_TRUE(credentials.allow("Bearer abc"));
  for (const char* wrong :
       {"", "Bearer ", "Bearer abd", "Bearer abcd", "Basic abc", "Basic Og=="}) {
    EXPECT_FALSE(credentials.allow(wrong)) << wrong;
  }
}

TEST(Credentials, TakesEither) {
  const Credentials credentials("a", "b", "c");
  EXPECT_TRUE(credentials.allow("Basic YTpi"));
  EXPECT_TRUE(credentials.allow("Bearer c"));
}

}  // namespace
}  // namespace pingap::admin

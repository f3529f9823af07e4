#include "http/header_map.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

#include "base/arena.h"

namespace pingap::http {
namespace {

std::string text_of(const HeaderMap& map) {
  std::string text;
  for (const Field& field : map.fields()) {
    if (!field.removed()) {
      text += std::string(field.name()) + "=" + std::string(field.value()) + ";";
    }
  }
  return text;
}

class HeaderMapTest : public ::testing::Test {
 protected:
  std::array<Field, 4> fields_{};
  HeaderMap map_{fields_};
};

TEST_F(HeaderMapTest, FindsByIdAndByNameInAnyCase) {
  ASSERT_TRUE(map_.add("content-TYPE", "a"));
  ASSERT_TRUE(map_.add("X-Custom", "b"));
  ASSERT_TRUE(map_.add(HeaderId::vary, ""));
  EXPECT_EQ(map_.get(HeaderId::content_type), "a");
  EXPECT_EQ(map_.get("Content-Type"), "a");
  EXPECT_EQ(map_.get("x-custom"), "b");
  EXPECT_EQ(map_.get("x-custo"), "");
  EXPECT_NE(map_.find(HeaderId::vary), nullptr);
  EXPECT_NE(std::as_const(map_).find("vary"), nullptr);
  EXPECT_EQ(map_.find(HeaderId::etag), nullptr);
  EXPECT_EQ(std::as_const(map_).find("etag"), nullptr);
  EXPECT_EQ(text_of(map_), "content-TYPE=a;X-Custom=b;Vary=;");
}

TEST_F(HeaderMapTest, IsFullAtItsCapacity) {
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(map_.add("a", "b"));
  }
  EXPECT_FALSE(map_.add("a", "b"));
  EXPECT_EQ(map_.size(), 4U);
  map_.clear();
  EXPECT_TRUE(map_.add("a", "b"));
}

TEST_F(HeaderMapTest, RemovesEveryFieldOfAName) {
  map_.add("Cookie", "1");
  map_.add("x", "2");
  map_.add("cookie", "3");
  map_.add("X", "4");
  map_.remove("COOKIE");
  EXPECT_EQ(text_of(map_), "x=2;X=4;");
  EXPECT_EQ(map_.find(HeaderId::cookie), nullptr);
  map_.remove("X");
  EXPECT_EQ(text_of(map_), "");
  EXPECT_EQ(map_.find("x"), nullptr);
}

TEST_F(HeaderMapTest, SetReplacesAll) {
  map_.add("Via", "1");
  map_.add("via", "2");
  ASSERT_TRUE(map_.set(HeaderId::via, "3"));
  EXPECT_EQ(text_of(map_), "Via=3;");
  ASSERT_TRUE(map_.set("VIA", "4"));
  EXPECT_EQ(text_of(map_), "VIA=4;");
}

TEST_F(HeaderMapTest, CopyGrowsInTheArenaAndLeavesRemovedOnesOut) {
  map_.add("a", "1");
  map_.add("b", "2");
  map_.add("c", "3");
  map_.remove("b");
  Arena arena;
  HeaderMap copy = HeaderMap::copy(map_, arena, 1);
  EXPECT_EQ(text_of(copy), "a=1;c=3;");
  EXPECT_EQ(copy.size(), 2U);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(copy.add("d", "4"));
  }
  EXPECT_EQ(copy.size(), 102U);
  EXPECT_EQ(copy.get("c"), "3");
  EXPECT_EQ(text_of(map_), "a=1;c=3;");
}

TEST_F(HeaderMapTest, CopyOfAnEmptyMapGrows) {
  Arena arena;
  HeaderMap copy = HeaderMap::copy({}, arena, 0);
  EXPECT_TRUE(copy.add("a", "1"));
  EXPECT_EQ(text_of(copy), "a=1;");
}

TEST_F(HeaderMapTest, RefusesNamesThatDoNotFit) {
  EXPECT_FALSE(map_.add(std::string(65536, 'a'), "b"));
  EXPECT_EQ(map_.size(), 0U);
}

}  // namespace
}  // namespace pingap::http

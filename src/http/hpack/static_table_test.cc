#include "http/hpack/static_table.h"

#include <string>

#include <gtest/gtest.h>

#include "http/hpack/test_hpack.h"

namespace pingap::http::hpack {
namespace {

TEST(StaticTable, IsThatOfNghttp2) {
  for (size_t i = 1; i <= kStaticEntries; ++i) {
    Inflater inflater;
    Fields fields;
    ASSERT_TRUE(inflater.read(std::string(1, static_cast<char>(0x80 + i)), fields));
    EXPECT_EQ(kStaticTable[i].name.text, fields[0].first);
    EXPECT_EQ(kStaticTable[i].value, fields[0].second);
  }
}

TEST(StaticTable, EntriesKnowWhoTheyAre) {
  for (size_t i = 1; i <= kStaticEntries; ++i) {
    const Name name = identify(kStaticTable[i].name.text);
    EXPECT_EQ(kStaticTable[i].name.id, name.id) << name.text;
    EXPECT_EQ(kStaticTable[i].name.pseudo, name.pseudo) << name.text;
  }
}

TEST(StaticTable, IsFoundByNameAndValue) {
  EXPECT_EQ(static_index_of(HeaderId::accept), 19U);
  EXPECT_EQ(static_index_of(HeaderId::x_request_id), 0U);
  EXPECT_EQ(static_index_of(HeaderId::other), 0U);
  EXPECT_EQ(static_index_of(Pseudo::status), 8U);
  EXPECT_EQ(static_index_of(Pseudo::protocol), 0U);
  EXPECT_EQ(static_match(Pseudo::status, "404"), 13U);
  EXPECT_EQ(static_match(Pseudo::status, "201"), 0U);
  EXPECT_EQ(static_match(Pseudo::authority, ""), 0U);
  EXPECT_EQ(static_match(Pseudo::protocol, "websocket"), 0U);
}

}  // namespace
}  // namespace pingap::http::hpack

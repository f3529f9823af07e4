#include "http/hpack/dynamic_table.h"

#include <string>

#include <gtest/gtest.h>

namespace pingap::http::hpack {
namespace {

class Table : public testing::Test {
 protected:
  void insert(std::string_view name, std::string_view value) {
    table.insert(identify(name), value, true);
  }

  std::string at(size_t index) const {
    const DecodedField field = table.at(index);
    return std::string(field.name.text) + "=" + std::string(field.value);
  }

  DynamicTable table{110};
};

TEST_F(Table, NewestIsFirst) {
  insert("a", "1");
  insert("b", "2");
  EXPECT_EQ(at(0), "b=2");
  EXPECT_EQ(at(1), "a=1");
  EXPECT_EQ(table.size(), 68U);
}

TEST_F(Table, OldestMakesRoom) {
  for (const char* name : {"a", "b", "c", "d"}) {
    insert(name, "12");
  }
  EXPECT_EQ(table.count(), 3U);
  EXPECT_EQ(at(2), "b=12");
  insert("a-longer-name", "and value");
  EXPECT_EQ(table.count(), 2U);
  EXPECT_EQ(at(1), "d=12");
}

TEST_F(Table, FieldLargerThanTheTableEmptiesIt) {
  insert("a", "1");
  insert("b", std::string(78, 'x'));
  EXPECT_EQ(table.count(), 0U);
  EXPECT_EQ(table.size(), 0U);
  insert("b", std::string(77, 'x'));
  EXPECT_EQ(table.count(), 1U);
}

TEST_F(Table, BecomesSmaller) {
  insert("a", "1");
  insert("b", "2");
  table.set_capacity(60);
  EXPECT_EQ(table.count(), 1U);
  EXPECT_EQ(at(0), "b=2");
  table.set_capacity(0);
  EXPECT_EQ(table.count(), 0U);
  insert("c", "");
  EXPECT_EQ(table.count(), 0U);
}

TEST_F(Table, NameOfTheEntryThatIsThrownOutMayBeUsed) {
  insert("the-name-of-one", std::string(50, '1'));
  for (int i = 0; i < 1000; ++i) {
    table.insert(table.name_at(0), std::string(50, static_cast<char>('a' + i % 26)), true);
    ASSERT_EQ(table.count(), 1U);
    ASSERT_EQ(at(0), "the-name-of-one=" + std::string(50, static_cast<char>('a' + i % 26)));
  }
}

TEST_F(Table, KeepsWhatItWasToldOfAField) {
  table.insert({"x", HeaderId::vary, Pseudo::none, false}, "1", false);
  EXPECT_EQ(table.at(0).name.id, HeaderId::vary);
  EXPECT_FALSE(table.at(0).name.well_formed);
  EXPECT_FALSE(table.at(0).well_formed);
}

TEST_F(Table, FindsByHashNameAndValue) {
  const Name name = identify("x-a");
  table.insert(name, "1", true, 7);
  table.insert(name, "2", true, 7);
  EXPECT_EQ(table.find(7, name, "1"), 1U);
  EXPECT_EQ(table.find(7, name, "2"), 0U);
  EXPECT_EQ(table.find(7, name, "3"), DynamicTable::kNone);
  EXPECT_EQ(table.find(7, identify("x-b"), "1"), DynamicTable::kNone);
  EXPECT_EQ(table.find(8, name, "1"), DynamicTable::kNone);
}

// Against a plain list of texts.
TEST(DynamicTable, IsAListOfTheNewestWhateverComes) {
  DynamicTable table(4096);
  std::vector<std::string> all;
  uint32_t random = 1;
  for (int i = 0; i < 20'000; ++i) {
    random = random * 1664525 + 1013904223;
    const std::string value(random >> 8 & (random & 0x40'0000U ? 0x3ffU : 0x1fU),
                            static_cast<char>('a' + i % 26));
    const std::string name = "n" + std::to_string(i % 10);
    table.insert(identify(name), value, true);
    all.push_back(name + "=" + value);
    ASSERT_LE(table.size(), 4096U);
    size_t size = 0;
    for (size_t j = 0; j < table.count(); ++j) {
      const DecodedField field = table.at(j);
      ASSERT_EQ(std::string(field.name.text) + "=" + std::string(field.value),
                all[all.size() - 1 - j]);
      size += field.name.text.size() + field.value.size() + kEntryOverhead;
    }
    ASSERT_EQ(size, table.size());
  }
}

}  // namespace
}  // namespace pingap::http::hpack

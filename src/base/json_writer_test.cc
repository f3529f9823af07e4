#include "base/json_writer.h"

#include <gtest/gtest.h>

namespace pingap {
namespace {

TEST(JsonWriter, PutsCommasWhereTheyBelong) {
  JsonWriter out;
  out.begin_object();
  out.key("list");
  out.begin_list();
  out.number(uint64_t{1});
  out.begin_object();
  out.end();
  out.begin_list();
  out.end();
  out.text("x");
  out.end();
  out.text("a", "b");
  out.number("n", 0.5);
  out.key("yes");
  out.boolean(true);
  out.end();
  EXPECT_EQ(out.finish(), R"({"list":[1,{},[],"x"],"a":"b","n":0.5,"yes":true})");
}

TEST(JsonWriter, EscapesTexts) {
  JsonWriter out;
  out.begin_list();
  out.text("q\"b\\n\n");
  out.text("");
  out.end();
  EXPECT_EQ(out.finish(), R"(["q\"b\\n\u000a",""])");
}

}  // namespace
}  // namespace pingap

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "config/value.h"

namespace pingap::config {
namespace {

struct Read {
  Value value;
  std::string problem;  // "line:column: what"
};

Read read(const std::string& text) {
  Diagnostics diagnostics;
  const uint32_t source = diagnostics.add_source("j", text);
  Read result{read_json(text, source, diagnostics), {}};
  if (!diagnostics.entries().empty()) {
    const Diagnostic& first = diagnostics.entries().front();
    result.problem = diagnostics.place(first.at) + ": " + first.what;
  }
  return result;
}

TEST(Json, ReadsEveryKindOfValue) {
  const auto [value, problem] =
      read(R"( {"s": "a", "i": -12, "f": 1.5e3, "t": true, "n": null, "a": [1, [], {}]} )");
  ASSERT_EQ(problem, "");
  ASSERT_EQ(value.members.size(), 6U);
  EXPECT_EQ(value.members[0].value.text, "a");
  EXPECT_EQ(value.members[1].value.integer, -12);
  EXPECT_EQ(value.members[2].value.kind, ValueKind::floating);
  EXPECT_EQ(value.members[3].value.integer, 1);
  EXPECT_EQ(value.members[4].value.kind, ValueKind::null);
  EXPECT_EQ(value.members[5].value.items.size(), 3U);
}

TEST(Json, KnowsThePlaceOfEveryValue) {
  const auto [value, problem] = read("{\n  \"a\": [\n    \"\u00e4\", 2]}");
  ASSERT_EQ(problem, "");
  const Value& second = value.members[0].value.items[1];
  EXPECT_EQ(second.at.line, 3U);
  EXPECT_EQ(second.at.column, 10U);
}

TEST(Json, UnderstandsEscapes) {
  const auto [value, problem] =
      read(R"(["\"\\\/\b\f\n\r\t", "\u0041\u00e4\u20ac", "\ud83d\ude00"])");
  ASSERT_EQ(problem, "");
  EXPECT_EQ(value.items[0].text, "\"\\/\b\f\n\r\t");
  EXPECT_EQ(value.items[1].text, "A\u00e4\u20ac");
  EXPECT_EQ(value.items[2].text, "\U0001f600");
}

TEST(Json, RefusesWhatIsNone) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "j:1:1: not valid JSON: it ends too early"},
      {"{", "j:1:2: not valid JSON: a key in quotes is missing"},
      {"[1,]", "j:1:4: not valid JSON: a value is missing"},
      {"[1 2]", "j:1:4: not valid JSON: `,` or `]` is missing"},
      {"{\"a\" 1}", "j:1:6: not valid JSON: `:` is missing"},
      {"{\"a\":1 \"b\":2}", "j:1:8: not valid JSON: `,` or `}` is missing"},
      {"{\"a\":1,\n\"a\":2}", "j:2:4: not valid JSON: the key `a` is there twice"},
      {"[] x", "j:1:4: not valid JSON: something follows the value"},
      {"\"abc", "j:1:5: not valid JSON: a string does not end"},
      {"\"a\nb\"", "j:1:3: not valid JSON: a string has a control character"},
      {"\"\\x\"", "j:1:2: not valid JSON: an escape is not known"},
      {"\"\\ud800\"", "j:1:2: not valid JSON: \\u is followed by no character"},
      {"\"\\u12g4\"", "j:1:2: not valid JSON: \\u is followed by no character"},
      {"\"\\u1", "j:1:2: not valid JSON: \\u is followed by no character"},
      {"01", "j:1:1: not valid JSON: a value is missing"},
      {"-", "j:1:1: not valid JSON: a value is missing"},
      {"1.", "j:1:1: not valid JSON: a value is missing"},
      {"1e+", "j:1:1: not valid JSON: a value is missing"},
      {"tru", "j:1:1: not valid JSON: a value is missing"},
  };
  for (const auto& [text, problem] : cases) {
    EXPECT_EQ(read(text).problem, problem) << text;
  }
}

TEST(Json, ANumberThatDoesNotFitIsNoInteger) {
  EXPECT_EQ(read("9223372036854775807").value.kind, ValueKind::integer);
  EXPECT_EQ(read("9223372036854775808").value.kind, ValueKind::floating);
}

TEST(Json, EveryCutIsRefusedOrAValue) {
  const std::string text = R"({"a": [1, "x\u00e4\n", {"b": null}], "c": -1.5e-3})";
  for (size_t size = 0; size < text.size(); ++size) {
    EXPECT_NE(read(text.substr(0, size)).problem, "") << size;
  }
}

TEST(Json, DepthAndNumberOfValuesAreBounded) {
  EXPECT_NE(read(std::string(100'000, '[')).problem.find("nested too deep"), std::string::npos);
  std::string many = "[0";
  for (size_t i = 0; i <= kMaxValues; ++i) {
    many += ",0";
  }
  EXPECT_NE(read(many + "]").problem.find("too many values"), std::string::npos);
}

}  // namespace
}  // namespace pingap::config

#include "base/log_escape.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace pingap {
namespace {

using Escape = char* (*)(std::string_view, char*, char*, bool&) noexcept;

std::string run(Escape escape, std::string_view value, size_t room = 4096,
                bool* was_cut = nullptr) {
  std::string out(room, '?');
  bool cut = false;
  char* end = escape(value, out.data(), out.data() + out.size(), cut);
  if (was_cut != nullptr) {
    *was_cut = cut;
  }
  out.resize(static_cast<size_t>(end - out.data()));
  return out;
}

struct Case {
  std::string_view value;
  std::string_view text;
  std::string_view json;
};

TEST(LogEscape, EscapesWhatEndsLinesOrBreaksSyntax) {
  using namespace std::string_view_literals;
  const Case cases[] = {
      {"", "", ""},
      {"a", "a", "a"},
      {"plain text, longer than a word", "plain text, longer than a word",
       "plain text, longer than a word"},
      {"\n", R"(\x0a)", R"(\u000a)"},
      {"a\r\nb", R"(a\x0d\x0ab)", R"(a\u000d\u000ab)"},
      {"\0"sv, R"(\x00)", R"(\u0000)"},
      {"\x1b[31m", R"(\x1b[31m)", R"(\u001b[31m)"},
      {"\x7f", R"(\x7f)", R"(\u007f)"},
      {"say \"hi\"", R"(say \x22hi\x22)", R"(say \"hi\")"},
      {"back\\slash", R"(back\x5cslash)", R"(back\\slash)"},
      {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
      {"\xe2\x82\xac and \xf0\x9f\x98\x80", "\xe2\x82\xac and \xf0\x9f\x98\x80",
       "\xe2\x82\xac and \xf0\x9f\x98\x80"},
      {"\xff", R"(\xff)", R"(\u00ff)"},
      {"\x80x", R"(\x80x)", R"(\u0080x)"},
      {"\xc2\x85", R"(\xc2\x85)", R"(\u0085)"},  // C1: next line
      {"\xc2\xa0", "\xc2\xa0", "\xc2\xa0"},
      {"\xe2\x80\xa8", R"(\xe2\x80\xa8)", R"(\u2028)"},  // line separator
      {"\xe2\x80\xa9", R"(\xe2\x80\xa9)", R"(\u2029)"},
      {"\xc0\xaf", R"(\xc0\xaf)", R"(\u00c0\u00af)"},                // overlong
      {"\xed\xa0\x80", R"(\xed\xa0\x80)", R"(\u00ed\u00a0\u0080)"},  // surrogate
      {"\xf4\x90\x80\x80", R"(\xf4\x90\x80\x80)", R"(\u00f4\u0090\u0080\u0080)"},
      {"\xe2\x82", R"(\xe2\x82)", R"(\u00e2\u0082)"},  // ends too early
      {"%n%s%p {} {0}", "%n%s%p {} {0}", "%n%s%p {} {0}"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(run(escape_text, c.value), c.text);
    EXPECT_EQ(run(escape_json, c.value), c.json);
  }
}

TEST(LogEscape, FindsABadByteAtEveryPlace) {
  for (size_t size = 1; size <= 40; ++size) {
    for (size_t at = 0; at < size; ++at) {
      for (const unsigned bad : {0x00U, 0x1fU, 0x22U, 0x5cU, 0x7fU, 0x80U, 0xffU}) {
        std::string value(size, 'a');
        value[at] = static_cast<char>(bad);
        std::array<char, 8> hex;
        std::snprintf(hex.data(), hex.size(), "\\x%02x", bad);
        const std::string wanted = value.substr(0, at) + hex.data() + value.substr(at + 1);
        ASSERT_EQ(run(escape_text, value), wanted) << size << ' ' << at << ' ' << bad;
      }
    }
  }
}

TEST(LogEscape, KeepsEveryPlainByteAtEveryPlace) {
  for (unsigned c = 0x20; c < 0x7f; ++c) {
    if (c == '"' || c == '\\') {
      continue;
    }
    for (size_t size = 1; size <= 20; ++size) {
      std::string value(size, static_cast<char>(c));
      ASSERT_EQ(run(escape_text, value), value);
      ASSERT_EQ(run(escape_json, value), value);
    }
  }
}

TEST(LogEscape, NeverWritesBehindTheEndNorHalfAnEscape) {
  const std::string value =
      "abcdefgh\n\xe2\x82\xac\"x\xff"
      "end";
  const std::string text = run(escape_text, value);
  const std::string json = run(escape_json, value);
  for (size_t room = 0; room <= json.size(); ++room) {
    bool cut = false;
    const std::string a = run(escape_text, value, room, &cut);
    EXPECT_EQ(text.substr(0, a.size()), a);
    EXPECT_EQ(cut, room < text.size());
    EXPECT_FALSE(a.ends_with('\\') || a.ends_with("\\x") || a.ends_with("\\x0") ||
                 a.ends_with("\xe2") || a.ends_with("\xe2\x82"));
    const std::string b = run(escape_json, value, room, &cut);
    EXPECT_EQ(json.substr(0, b.size()), b);
    EXPECT_EQ(cut, room < json.size());
    EXPECT_FALSE(b.ends_with('\\') || b.ends_with("\\u0") || b.ends_with("\\u000"));
  }
}

}  // namespace
}  // namespace pingap

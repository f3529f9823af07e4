#include "plugin/test_plugin.h"
#include "plugin/transform/kinds.h"
#include "plugin/transform/replacing.h"

namespace pingap::plugin {
namespace {

Rule text_rule(std::string text, std::string with) {
  Rule rule;
  rule.text = std::move(text);
  rule.with = std::move(with);
  return rule;
}

Rule regex_rule(std::string_view regex, std::string with) {
  Rule rule;
  rule.regex = std::move(*Regex::create(regex));
  rule.with = std::move(with);
  return rule;
}

// In pieces of `size`.
std::string replaced(const Rule& rule, std::string_view text, size_t size) {
  Stage stage(rule);
  std::string out;
  for (; !text.empty(); text.remove_prefix(std::min(size, text.size()))) {
    stage.add(text.substr(0, size), out);
  }
  stage.finish(out);
  return out;
}

void expect_however_cut(const Rule& rule, std::string_view text, const std::string& wanted) {
  for (size_t size = 1; size <= std::min<size_t>(text.size(), 9); ++size) {
    EXPECT_EQ(replaced(rule, text, size), wanted) << size;
  }
  EXPECT_EQ(replaced(rule, text, text.size() + 1), wanted);
}

TEST(Replacing, FindsTextsHoweverTheyAreCut) {
  expect_however_cut(text_rule("abc", "X"), "abcabc ababc abab", "XX abX abab");
  expect_however_cut(text_rule("aab", "X"), "aaab aaaab aa", "aX aaX aa");
  expect_however_cut(text_rule("a", ""), "banana", "bnn");
  expect_however_cut(text_rule("aa", "a"), "aaaaa", "aaa");
  Rule once = text_rule("ab", "X");
  once.once = true;
  expect_however_cut(once, "a ab ab ab", "a X ab ab");
  Rule any_case = text_rule("http://", "https://");
  any_case.ignore_case = true;
  expect_however_cut(any_case, "HTTP://a hTTp://b http:/c", "https://a https://b http:/c");
  expect_however_cut(text_rule("abc", "X"), "", "");
}

TEST(Replacing, KeepsBackOnlyWhatMayBeAMatch) {
  const Rule rule = text_rule("abcd", "X");
  Stage stage(rule);
  std::string out;
  stage.add("data: 1\n\nab", out);
  EXPECT_EQ(out, "data: 1\n\n");
  stage.add("x", out);
  EXPECT_EQ(out, "data: 1\n\nabx");
}

TEST(Replacing, FindsPatternsHoweverTheTextIsCut) {
  expect_however_cut(regex_rule("b+", "<$0>"), "abbbab", "a<bbb>a<b>");
  expect_however_cut(regex_rule("(\\w+)@(\\w+)", "$2 at $1"), "x a@b y", "x b at a y");
  expect_however_cut(regex_rule("^a", "X"), "aaa", "Xaa");
  expect_however_cut(regex_rule("a$", "X"), "aaa", "aaX");
  expect_however_cut(regex_rule("\\bcat\\b", "dog"), "cat concat cats cat", "dog concat cats dog");
  expect_however_cut(regex_rule("x*", "-"), "axb", "a-b");
  Rule once = regex_rule("\\d", "N");
  once.once = true;
  expect_however_cut(once, "a1b2", "aNb2");
}

TEST(Replacing, IsTheSameForLongTextsHoweverTheyAreCut) {
  std::string text;
  for (int i = 0; i < 3000; ++i) {
    text += "word" + std::to_string(i) + (i % 7 == 0 ? " <a href=\"x\">" : " ");
  }
  text += std::string(Rule::kMostMatch + 10, 'z');
  for (const Rule& rule : {regex_rule("<a [^>]*>|z+|\\d+ ", "[$0]"), regex_rule("w.*9", "#")}) {
    const std::string whole = replaced(rule, text, text.size());
    EXPECT_NE(whole, text);
    for (const unsigned size : {1U, 7U, 1000U, 1024U, 2047U, 2048U, 2049U, 4096U}) {
      EXPECT_EQ(replaced(rule, text, size), whole) << size;
    }
  }
}

// security.md: memory is bounded whatever comes.
TEST(Replacing, KeepsBackNoMoreThanAWindow) {
  for (const Rule& rule : {regex_rule("a.*b", "X"), text_rule(std::string(1024, 'a') + "b", "X")}) {
    Stage stage(rule);
    std::string out;
    size_t in = 0;
    for (int i = 0; i < 1000; ++i) {
      stage.add(std::string(100, 'a'), out);
      in += 100;
      EXPECT_LE(in - out.size(), 2 * Rule::kMostMatch);
    }
  }
}

class Answered {
 public:
  Answered(const Made& made, std::string_view type, uint16_t status = 200,
           Asked::Headers headers = {}) {
    asked.x.response.headers.add(http::HeaderId::content_type, type);
    for (const auto& [name, value] : headers) {
      asked.x.response.headers.add(asked.x.arena.copy(name), asked.x.arena.copy(value));
    }
    asked.x.response.has_content_length = true;
    asked.respond(*made, status);
    Context it = asked.context();
    filter = (*made).response_body(it);
  }

  Asked asked;
  BodyFilter* filter;
};

constexpr const char* kOptions =
    "replace = [{ text = \"a\", with = \"b\" }, { text = \"bb\", with = "
    "\"c\" }]\ntypes = [\"text/*\", \"application/json\"]";

TEST(SubFilter, ChangesBodiesInTheOrderOfItsRules) {
  const Made made(kSubFilter, kOptions);
  Answered answered(made, "text/html; charset=utf-8", 200, {{"ETag", "\"1\""}, {"Digest", "x"}});
  ASSERT_NE(answered.filter, nullptr);
  EXPECT_FALSE(answered.asked.x.response.has_content_length);
  EXPECT_EQ(answered.asked.got("etag"), "W/\"1\"");
  EXPECT_EQ(answered.asked.got("digest"), "");
  std::string text;
  for (const char* piece : {"xa", "ay", "b", ""}) {
    ByteQueue in;
    ByteQueue out;
    in.append(piece);
    EXPECT_TRUE(answered.filter->filter(in, out, *piece == '\0' ? End::yes : End::no));
    text += out.front();
  }
  EXPECT_EQ(text, "xcyb");
}

TEST(SubFilter, LeavesOthersAsTheyAre) {
  const Made made(kSubFilter, kOptions);
  EXPECT_NE(Answered(made, "application/json").filter, nullptr);
  EXPECT_NE(Answered(made, "TEXT/CSS", 404).filter, nullptr);
  EXPECT_EQ(Answered(made, "image/png").filter, nullptr);
  EXPECT_EQ(Answered(made, "").filter, nullptr);
  for (const int status : {204, 206, 304}) {
    EXPECT_EQ(Answered(made, "text/html", static_cast<uint16_t>(status)).filter, nullptr);
  }
  EXPECT_EQ(Answered(made, "text/html", 200, {{"Content-Encoding", "gzip"}}).filter, nullptr);
  EXPECT_EQ(Answered(made, "text/html", 200, {{"Cache-Control", "public, no-transform"}}).filter,
            nullptr);
}

TEST(SubFilter, IsNotMadeOfNonsense) {
  for (const char* options :
       {"", "replace = []", "replace = [\"a\"]", "replace = [{ text = \"a\" }]",
        "replace = [{ with = \"a\" }]", "replace = [{ text = \"\", with = \"a\" }]",
        "replace = [{ text = \"a\", regex = \"a\", with = \"b\" }]",
        "replace = [{ regex = \"(\", with = \"b\" }]",
        "replace = [{ regex = \"(a)\", with = \"$2\" }]",
        "replace = [{ text = \"a\", with = \"b\", flags = \"i\" }]",
        "replace = [{ text = \"a\", with = \"b\", once = 1 }]"}) {
    EXPECT_TRUE(Made(kSubFilter, options).failed()) << options;
  }
}

}  // namespace
}  // namespace pingap::plugin

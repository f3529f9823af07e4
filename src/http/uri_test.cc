#include "http/uri.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

#include "http/limits.h"

namespace pingap::http {
namespace {

struct Case {
  std::string_view target;
  std::string_view want;  // empty = refused
};

// The result for `target`; "refused" stands for bad_target.
std::string canon(std::string_view target, const UriOptions& options = {}) {
  Arena arena;
  const auto result = canonicalize(target, options, arena);
  if (!result) {
    EXPECT_EQ(result.error().code, ErrorCode::bad_target) << target;
    return "refused";
  }
  EXPECT_EQ(result->changed, result->target != target) << target;
  if (!result->changed) {
    EXPECT_EQ(result->target.data(), target.data()) << target;
  }
  EXPECT_EQ(result->path.data(), result->target.data());
  EXPECT_EQ(result->has_query, result->target.size() > result->path.size());
  EXPECT_EQ(result->match_path == result->path, result->path.find(';') == std::string_view::npos);
  return std::string(result->target);
}

TEST(Uri, KeepsCleanTargetsWithoutCopy) {
  for (const std::string_view target :
       {"/",
        "/a",
        "/ab",
        "/abc",
        "/abcd",
        "/abcde",
        "/abcdef",
        "/abcdefg",
        "/abcdefgh",
        "/abcdefghi",
        "/a/b/c/d/e/f",
        "/api/v1/users/1234567",
        "/api/v1/users/12345678?x=1",
        "/?",
        "/?a",
        "/a?b",
        "/a?b=c",
        "/abcdefg?b",
        "/abcdefghijklmnop?x=//y/../z",
        "/abcdefghijklmnopqrstuvwxyz/abcdefghijklmnopqrstuvwxyz/abcdefghijklmnop?q#"}) {
    const bool hash = target.ends_with('#');
    EXPECT_EQ(canon(target), hash ? "refused" : target);
  }
}

TEST(Uri, KeepsWhatNeedsACloserLook) {
  for (const std::string_view target :
       {"/.well-known/acme", "/a~b!$&'()*+,;=:@", "/a;x=1", "/a.b/c..d/...", "/a%20b", "/%C3%A4",
        "/a%2Bb/%25", "/a=b", "/~user/", "*", "/a%3Bb", "/..a/.b", "/a;..x"}) {
    EXPECT_EQ(canon(target), target);
  }
}

class UriTable : public testing::TestWithParam<Case> {};

TEST_P(UriTable, GivesOneForm) {
  const Case& test = GetParam();
  EXPECT_EQ(canon(test.target), test.want.empty() ? "refused" : test.want) << test.target;
}

constexpr Case kCases[] = {
    // security.md HP-12 to HP-20
    {"/a/../admin", "/admin"},
    {"/a/%2e%2e/admin", "/admin"},
    {"/a/%2E./admin", "/admin"},
    {"/a%2f..%2fadmin", ""},
    {"/a/..;/admin", ""},
    {"/a/..;x=1/admin", ""},
    {"/a/.;/admin", ""},
    {"/a/..%3b/admin", ""},
    {"/a/%2e%2e;/admin", ""},
    {"/a/..;", ""},
    {"/a/..%20/admin", ""},
    {"/a/..%20%20;x/admin", ""},
    {"/.%20", ""},
    {"/..%20x", "/..%20x"},
    {"//admin", "/admin"},
    {"/a%00b", ""},
    {"/a%zz", ""},
    {"/a%0d%0aX:y", ""},
    {"/../../etc", ""},
    // PN-02
    {"/./admin", "/admin"},
    {"/x/../admin", "/admin"},
    {"/%61dmin", "/admin"},
    {"/admin%2f", ""},
    {"/admin/.", "/admin/"},
    {"/admin%09", ""},
    {"/x%2f..%2fadmin", ""},
    {"/%2e/admin", "/admin"},
    {"/admin?", "/admin?"},
    {"/admin#", ""},
    {"/a/..%5cadmin", ""},
    {"/%c0%aeadmin", "/%C0%AEadmin"},
    {"/admin%ff", "/admin%FF"},
    // Others
    {"", ""},
    {"x", ""},
    {"admin/x/y/z/and/more", ""},
    {"?a", ""},
    {"**", ""},
    {"/a\\b", ""},
    {"/a b", ""},
    {"/abcdefghijklmnopqrst\x01", ""},
    {"/abcdefghijklmnopqrst\x7f", ""},
    {"/a\nb", ""},
    {"/%", ""},
    {"/%4", ""},
    {"/a%4", ""},
    {"/%%34%31", ""},
    {"/%2%66", ""},
    {"/%u002f", ""},
    {"/%7e%7E%2d%5f", "/~~-_"},
    {"/%2541", "/%2541"},
    {"/%aa%Bb", "/%AA%BB"},
    {"/\xc3\xa4", "/%C3%A4"},
    {"/a\"<>[]^`{|}", "/a%22%3C%3E%5B%5D%5E%60%7B%7C%7D"},
    {"/..", ""},
    {"/.", "/"},
    {"/a/..", "/"},
    {"/a/b/..", "/a/"},
    {"/a/b/../..", "/"},
    {"/a/../..", ""},
    {"/a//b///c//", "/a/b/c/"},
    {"/a//../b", "/b"},
    {"///", "/"},
    {"/a/...", "/a/..."},
    {"/a/%2e%2e%2e", "/a/..."},
    {"/a/./././b?x=/../", "/a/b?x=/../"},
    {"//a?b c", ""},
    {"/a?b\tc", ""},
    {"/a?\xc3\xa4%zz%00", "/a?\xc3\xa4%zz%00"},
    {"/abcdefghijklmnopqrstu?\x01", ""},
    {"/abcdefghijklmnopqrstu?abcdefghijklmnopqrstuvwxyz\x7f", ""},
    {"/abcdefghijklmno//abc?x", "/abcdefghijklmno/abc?x"},
    {"/abcdefghijklmn//abc", "/abcdefghijklmn/abc"},
    {"/abcdefghijklmn/./abc", "/abcdefghijklmn/abc"},
    {"/abcdefghijklmnopqrstuvwxyz/abc/..", "/abcdefghijklmnopqrstuvwxyz/"},
};

INSTANTIATE_TEST_SUITE_P(Security, UriTable, testing::ValuesIn(kCases));

TEST(Uri, KeepsSlashesWhenToldButNotAtTheStart) {
  const UriOptions options{.merge_slashes = false};
  EXPECT_EQ(canon("/a//b", options), "/a//b");
  EXPECT_EQ(canon("//evil.test/x", options), "/evil.test/x");
  EXPECT_EQ(canon("/x/..//evil.test", options), "/evil.test");
  EXPECT_EQ(canon("/a//../b", options), "/a/b");
  EXPECT_EQ(canon("/a/.//b", options), "/a//b");
}

TEST(Uri, KeepsEncodedSlashesWhenToldButNoDotsBesideThem) {
  const UriOptions options{.encoded_slash = true};
  EXPECT_EQ(canon("/a%2fb%5c", options), "/a%2Fb%5C");
  for (const std::string_view bad :
       {"/a%2f..%2fadmin", "/a%2f..", "/..%2fa", "/a%5c.", "/a%2f..;x", "/a%2f%2e%2e/b"}) {
    EXPECT_EQ(canon(bad, options), "refused") << bad;
  }
}

TEST(Uri, RefusesWhatGrowsOverTheLimit) {
  Arena arena;
  std::string target = "/" + std::string(limits::kTarget / 2, '\xc3');
  const auto result = canonicalize(target, {}, arena);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::target_too_long);
}

TEST(Uri, LeavesParametersAndBlanksOutOfWhatIsMatched) {
  Arena arena;
  for (const auto& [target, want] : std::initializer_list<Case>{{"/admin;x=1", "/admin"},
                                                                {"/a;b=c/d;e;f/g", "/a/d/g"},
                                                                {"/;x/admin", "/admin"},
                                                                {"/a/;/b/;", "/a/b/"},
                                                                {"/;", "/"},
                                                                {"/admin%20", "/admin"},
                                                                {"/a%20%20/b%20c%20;d", "/a/b%20c"},
                                                                {"/%20/a", "/a"},
                                                                {"/a%3Bb", "/a%3Bb"},
                                                                {"//a;b/%41;x?y;z", "/a/A"}}) {
    EXPECT_EQ(canonicalize(target, {}, arena)->match_path, want);
  }
}

TEST(Uri, FindsWhereAMatchEnds) {
  EXPECT_EQ(end_of_match("/a/b", 2), 2U);
  EXPECT_EQ(end_of_match("/a/b", 4), 4U);
  EXPECT_EQ(end_of_match("/a;x=1/b", 2), 6U);
  EXPECT_EQ(end_of_match("/a;x=1/b", 3), 7U);
  EXPECT_EQ(end_of_match("/a;x=1", 2), 6U);
  EXPECT_EQ(end_of_match("/;x/a/b", 2), 5U);
  EXPECT_EQ(end_of_match("/a/;x/b", 2), 2U);
  EXPECT_EQ(end_of_match("/a", 0), 0U);
}

// What a target says to a naive reader: every %XX decoded.
std::string decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

// PN-01, and that no dot segment or control byte is left for a backend that decodes.
TEST(Uri, GivesAFixedPointForRandomTargets) {
  constexpr std::string_view kPieces[] = {
      "/", "/",    ".",   "..", "%2e", "%2E",       "a",   "b",
      ";", "%2f",  "%41", "%",  "%3B", "%5c",       "/..", "//",
      "?", "\xc3", "{",   "~",  "%25", "/abcdefgh", "=",   "!",
      "1", "%zz",  "%20", "/.", "%7f", "..;x",      "\\",  "abcdefghijklmnop"};
  std::mt19937 random(42);
  size_t accepted = 0;
  for (int round = 0; round < 100'000; ++round) {
    std::string target = "/";
    for (size_t i = random() % 12; i > 0; --i) {
      target += kPieces[random() % std::size(kPieces)];
    }
    const UriOptions options{.merge_slashes = random() % 2 == 0,
                             .encoded_slash = random() % 2 == 0};
    Arena arena;
    const auto first = canonicalize(target, options, arena);
    if (!first) {
      continue;
    }
    ++accepted;
    const auto second = canonicalize(first->target, options, arena);
    ASSERT_TRUE(second.has_value()) << target;
    ASSERT_FALSE(second->changed) << target << " -> " << first->target;
    ASSERT_EQ(second->match_path, first->match_path);
    ASSERT_EQ(canonicalize(first->match_path, options, arena)->target, first->match_path) << target;
    ASSERT_FALSE(first->path.starts_with("//")) << target;
    const std::string naive = decoded(first->path) + "/";
    for (const std::string_view bad : {"/../", "/./", "/..;", "/.;"}) {
      ASSERT_EQ(naive.find(bad), std::string::npos) << target << " -> " << first->target;
    }
    for (const char c : naive) {
      ASSERT_FALSE(static_cast<unsigned char>(c) < 0x20 || c == 0x7f) << target;
    }
  }
  EXPECT_GT(accepted, 20'000U);
}

// The quick look and the closer one agree: a clean target is one that nothing has to be done to.
TEST(Uri, JudgesEachByteAlikeAtEachPlace) {
  for (int byte = 1; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const std::string alone = canon(std::string("/") + c);
    const bool query = c == '?';
    const bool segment = c == '.' || c == '/';
    for (size_t size : {3U, 5U, 9U, 15U, 16U, 17U, 31U, 32U, 40U}) {
      for (size_t at = 1; at < size; ++at) {
        std::string target = "/" + std::string(size - 1, 'x');
        target[at] = c;
        const std::string result = canon(target);
        if (query || (segment && at > 1 && at + 1 < size)) {
          EXPECT_EQ(result, target);
        } else if (!segment) {
          EXPECT_EQ(result == "refused", alone == "refused") << byte << " at " << at;
          EXPECT_EQ(result == target, alone == std::string("/") + c) << byte << " at " << at;
        }
      }
    }
  }
}

}  // namespace
}  // namespace pingap::http

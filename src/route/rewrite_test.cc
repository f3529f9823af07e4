#include "route/rewrite.h"

#include <random>

#include <gtest/gtest.h>

#include "http/limits.h"
#include "route/test_request.h"

namespace pingap::route {
namespace {

using config::PathType;

config::Location location(PathType type, std::string path, std::string rewrite) {
  config::Location result;
  result.path_type = type;
  result.path.value = std::move(path);
  result.rewrite.value = std::move(rewrite);
  return result;
}

struct Case {
  PathType type;
  const char* path;
  const char* rewrite;
  const char* target;
  const char* want;
};

class RewriteTable : public testing::TestWithParam<Case> {};

TEST_P(RewriteTable, GivesTheTarget) {
  const Case& test = GetParam();
  const auto rewrite = Rewrite::compile(location(test.type, test.path, test.rewrite), {});
  ASSERT_TRUE(rewrite.has_value()) << rewrite.error();
  TestRequest request("h", test.target);
  const auto result = rewrite->apply(request.canonical(), request.arena());
  if (std::string_view(test.want) == "failed") {
    ASSERT_FALSE(result.has_value()) << result->target;
    EXPECT_EQ(result.error().code, ErrorCode::rewrite_failed);
    return;
  }
  ASSERT_TRUE(result.has_value()) << test.target;
  EXPECT_EQ(result->target, test.want) << test.target;
  EXPECT_EQ(result->target.substr(0, result->path.size()), result->path);
}

constexpr auto kPrefix = PathType::prefix;
constexpr auto kExact = PathType::exact;
constexpr auto kRegex = PathType::regex;
constexpr auto kAny = PathType::any;

constexpr Case kPrefixes[] = {
    {kPrefix, "/api/v1", "", "/api/v1/x", "/api/v1/x"},
    {kPrefix, "/api/v1", "/", "/api/v1/x", "/x"},
    {kPrefix, "/api/v1", "/", "/api/v1/", "/"},
    {kPrefix, "/api/v1", "/", "/api/v1", "/"},
    {kPrefix, "/api/v1", "/", "/api/v1/x?a=b", "/x?a=b"},
    {kPrefix, "/api/v1", "/", "/api/v1?", "/?"},
    {kPrefix, "/api", "/v2", "/api/x", "/v2/x"},
    {kPrefix, "/api", "/v2/", "/api/x", "/v2/x"},
    {kPrefix, "/api", "/v2", "/api", "/v2"},
    {kPrefix, "/api/", "/v2", "/api/x", "/v2/x"},
    {kPrefix, "/api/", "/", "/api/x", "/x"},
    {kPrefix, "/api/", "/", "/api/", "/"},
    {kPrefix, "/", "/v2", "/x", "/v2/x"},
    {kPrefix, "/", "/v2", "/", "/v2"},
    {kAny, "", "/v2", "/", "/v2/"},
    {kAny, "", "/v2", "/x", "/v2/x"},
    {kAny, "", "/v2", "*", "*"},
    {kExact, "/a", "/b/c", "/a?x", "/b/c?x"},
    // Parameters
    {kPrefix, "/api", "/", "/api;v=1/x;y", "/x;y"},
    {kPrefix, "/api", "/", "/;a/api;b", "/"},
    {kPrefix, "/a/b", "/c", "/a;1/b;2/d;3", "/c/d;3"},
    // PN-03
    {kPrefix, "/api", "/", "/api//evil.test/", "/evil.test/"},
    {kPrefix, "/api", "/", "/api/./x", "/x"},
    // Queries
    {kPrefix, "/api", "/v2?from=api", "/api/x", "/v2/x?from=api"},
    {kPrefix, "/api", "/v2?from=api", "/api/x?a=1", "/v2/x?from=api&a=1"},
    {kPrefix, "/api", "/v2?from=api", "/api/x?", "/v2/x?from=api"},
    {kPrefix, "/api", "/v2?", "/api/x?a=1", "/v2/x"},
    {kPrefix, "/api", "/v2$$", "/api/x", "/v2$/x"},
};
INSTANTIATE_TEST_SUITE_P(Paths, RewriteTable, testing::ValuesIn(kPrefixes));

constexpr Case kRegexes[] = {
    {kPrefix, "/", "^/api/(.*)$ /$1", "/api/x/y?z", "/x/y?z"},
    {kPrefix, "/", "^/api/(.*)$ /$1", "/other", "/other"},
    {kPrefix, "/", "^/api(.*)$ /v2/$1", "/api/x", "/v2/x"},
    {kPrefix, "/", "^/(\\w+)/(?P<id>\\d+) /${id}/$1", "/users/42/x", "/42/users/x"},
    {kPrefix, "/", "\\d+ n$0", "/a/42/b/43", "/a/n42/b/43"},
    {kPrefix, "/", "^/(a)(b)?(c)? /$1$2${3}2", "/a/x", "/a2/x"},
    {kPrefix, "/", "^/u/(.*)$ /user?name=$1", "/u/a=b&c+d?x=1", "/user?name=a%3Db%26c%2Bd&x=1"},
    {kPrefix, "/", "^/(.*)$ /$1$1", "/ab", "/abab"},
    {kPrefix, "/", "^/x /x/", "/x", "/x/"},
    {kPrefix, "/", "^/a/(.*)$ /$1", "/a;p=1/b;q", "/b"},
    {kRegex, "^/api/v(\\d+)", "/", "/api/v1/x", "/x"},
    {kRegex, "^/api/v(\\d+)", "/version/$1", "/api/v1/x", "/version/1/x"},
    {kRegex, "v(\\d+)", "$1", "/api/v1/x", "/api/1/x"},
    // Pieces that are harmless alone
    {kPrefix, "/", "^/a(.*)b(.*)$ /$1$2", "/a.b./x", "failed"},
    {kPrefix, "/", "^/a/(.*)$ $1", "/a/x", "failed"},
};

INSTANTIATE_TEST_SUITE_P(Regexes, RewriteTable, testing::ValuesIn(kRegexes));

TEST(Rewrite, NeverStartsWithTwoSlashes) {
  const http::UriOptions options{.merge_slashes = false};
  Arena arena;
  for (const char* rule : {"/", "^/api /", "^/api(.*) $1", "^/(api)/ /"}) {
    const auto rewrite = Rewrite::compile(location(kPrefix, "/api", rule), options);
    ASSERT_TRUE(rewrite.has_value()) << rule;
    const auto from = http::canonicalize("/api//evil.test/", options, arena);
    ASSERT_TRUE(from.has_value());
    const auto result = rewrite->apply(*from, arena);
    EXPECT_TRUE(!result || !result->target.starts_with("//")) << rule;
  }
}

TEST(Rewrite, RefusesAtLoadWhatCanNotWork) {
  const std::pair<const char*, const char*> cases[] = {{"v2", "not the path"},
                                                       {"/a b c", "one blank"},
                                                       {"( /x", "regex `(`"},
                                                       {"^/(a) /$2", "has 1 group;"},
                                                       {"^/(a) /${x}", "no group"},
                                                       {"^/(a) /${1", "closing brace"},
                                                       {"/a/../b", "write `/b`"},
                                                       {"/a//b", "write `/a/b`"},
                                                       {"/%zz", "not the path"},
                                                       {"/$1", "there is no regex"},
                                                       {"/\xc3\xa4", "write `/%C3%A4`"},
                                                       {"^/(?P<n>a) /$m", "${n}"},
                                                       {"/a$", "no group `$`"},
                                                       {"*", "not the path"},
                                                       {"^/(a) /b/../$1", "not canonical"},
                                                       {"(.) %$1", "not the path"},
                                                       {"(?P<id>\\d+) <$id>x", "not canonical"}};
  for (const auto& [rule, want] : cases) {
    const auto rewrite = Rewrite::compile(location(kPrefix, "/api", rule), {});
    ASSERT_FALSE(rewrite.has_value()) << rule;
    EXPECT_NE(rewrite.error().find(want), std::string::npos) << rule << ": " << rewrite.error();
  }
}

// RX-02
TEST(Rewrite, BoundsWhatItWrites) {
  const auto rewrite = Rewrite::compile(location(kPrefix, "/", "^/(.*)$ /$1$1$1?x=$1"), {});
  ASSERT_TRUE(rewrite.has_value());
  Arena arena;
  for (const size_t size : {0U, 1U, 1000U, 2000U, 8000U}) {
    const std::string target = "/" + std::string(size, '&');
    const auto from = http::canonicalize(target, {}, arena);
    ASSERT_TRUE(from.has_value());
    const auto result = rewrite->apply(*from, arena);
    EXPECT_EQ(result.has_value(), 6 * size + 4 <= http::limits::kTarget) << size;
    if (!result) {
      EXPECT_EQ(result.error().code, ErrorCode::target_too_long);
    }
  }
}

TEST(Rewrite, GivesFixedPointsForRandomTargets) {
  constexpr const char* kRules[] = {"/",        "/v2/",          "^/a(.*)b(.*)$ /$2/$1",
                                    "a $0$0",   "(.)/(.) $2/$1", "^/(.*)/(.*)$ /$2?q=$1",
                                    "[^/]* .$0"};
  constexpr const char* kPieces[] = {"/", "a", "b", ".", "..", ";x", "%20", "/a/b", "=", "?", "&"};
  std::mt19937 random(3);
  size_t done = 0;
  for (const bool merge : {true, false}) {
    for (const char* rule : kRules) {
      const http::UriOptions options{.merge_slashes = merge};
      const auto rewrite = Rewrite::compile(location(kPrefix, "/a", rule), options);
      ASSERT_TRUE(rewrite.has_value()) << rule << rewrite.error();
      for (int i = 0; i < 2000; ++i) {
        std::string target = "/a";
        for (size_t n = random() % 8; n > 0; --n) {
          target += kPieces[random() % std::size(kPieces)];
        }
        Arena arena;
        const auto from = http::canonicalize(target, options, arena);
        if (!from || !from->match_path.starts_with("/a")) {
          continue;
        }
        const auto result = rewrite->apply(*from, arena);
        if (!result) {
          continue;
        }
        ++done;
        const auto again = http::canonicalize(result->target, options, arena);
        ASSERT_TRUE(again.has_value() && !again->changed) << rule << " " << target;
        ASSERT_EQ(again->path, result->path);
        ASSERT_FALSE(result->target.starts_with("//"));
      }
    }
  }
  EXPECT_GT(done, 5000U);
}

}  // namespace
}  // namespace pingap::route

#include "route/router.h"

#include <deque>
#include <random>

#include <gtest/gtest.h>

#include "route/test_request.h"

namespace pingap::route {
namespace {

using config::PathType;

// A location as short as the tests want it.
struct Spec {
  std::string name;
  std::vector<std::string> hosts;
  std::string path;
  PathType type = PathType::prefix;
  int32_t priority = 0;
  std::vector<std::string> methods = {};
  std::vector<config::FieldMatch> headers = {};
};

class Table {
 public:
  explicit Table(const std::vector<Spec>& specs) {
    for (const Spec& spec : specs) {
      config::Location& location = locations_.emplace_back();
      location.name = spec.name;
      for (const std::string& host : spec.hosts) {
        location.hosts.push_back({host, {}});
      }
      location.path.value = spec.path;
      location.path_type = spec.path.empty() ? PathType::any : spec.type;
      location.priority = spec.priority;
      location.methods = spec.methods;
      location.match_headers = spec.headers;
      pointers_.push_back(&location);
    }
  }

  Router router() const {
    auto built = Router::build(pointers_, {});
    EXPECT_TRUE(built.has_value());
    return std::move(*built);
  }

  std::vector<BuildError> errors() const {
    auto built = Router::build(pointers_, {});
    return built ? std::vector<BuildError>{} : built.error();
  }

  std::string name(int index) const {
    return index < 0 ? "-" : locations_.at(static_cast<size_t>(index)).name;
  }

 private:
  std::deque<config::Location> locations_;
  std::vector<const config::Location*> pointers_;
};

std::string match(const std::vector<Spec>& specs, TestRequest request) {
  const Table table(specs);
  return table.name(table.router().match(request.input()));
}

TEST(Router, MatchesPrefixesBySegment) {
  const std::vector<Spec> specs = {{"api", {}, "/api"}, {"dir", {}, "/dir/"}};
  const std::pair<const char*, const char*> cases[] = {
      {"/api", "api"},       {"/api/", "api"},    {"/api/x", "api"}, {"/apix", "-"},
      {"/ap", "-"},          {"/api?x", "api"},   {"/API", "-"},     {"/%61pi/x", "api"},
      {"/api;v=1", "api"},   {"/api;v/x", "api"}, {"/dir", "-"},     {"/dir/", "dir"},
      {"/dir/x/y/z", "dir"}, {"/dirx/", "-"},     {"/", "-"},        {"//api", "api"},
      {"/x/../api", "api"},  {"/api%20", "api"},  {"/api%20x", "-"}, {"/x;y/dir/", "-"},
      {"/;y/dir/", "dir"}};
  for (const auto& [target, want] : cases) {
    EXPECT_EQ(match(specs, TestRequest("a.test", target)), want) << target;
  }
}

TEST(Router, PrefersExactThenLongestPrefixThenRegexThenAny) {
  const std::vector<Spec> specs = {{"any", {}, ""},
                                   {"regex", {}, "^/a", PathType::regex},
                                   {"root", {}, "/"},
                                   {"a", {}, "/a"},
                                   {"ab", {}, "/a/b"},
                                   {"ab/", {}, "/a/b/"},
                                   {"exact", {}, "/a/b", PathType::exact}};
  const std::pair<const char*, const char*> cases[] = {
      {"/a/b", "exact"}, {"/a/b/", "ab/"}, {"/a/b/c", "ab/"}, {"/a/c", "a"}, {"/ax", "root"}};
  for (const auto& [target, want] : cases) {
    EXPECT_EQ(match(specs, TestRequest("a.test", target)), want) << target;
  }
  EXPECT_EQ(match({specs[0], specs[1]}, TestRequest("a.test", "/ax")), "regex");
  EXPECT_EQ(match({specs[0], specs[1]}, TestRequest("a.test", "/b")), "any");
  EXPECT_EQ(match({specs[0], specs[2]}, TestRequest("a.test", "*")), "any");
  EXPECT_EQ(match({specs[0], specs[3]}, TestRequest("a.test", "*")), "any");
  EXPECT_EQ(match({specs[2]}, TestRequest("a.test", "*")), "-");
}

TEST(Router, PrefersExactHostThenLongestWildcardThenRegexThenAny) {
  const std::vector<Spec> specs = {{"any", {}, "/"},
                                   {"regex", {"~^.*\\.a\\.test"}, "/"},
                                   {"wild", {"*.a.test"}, "/"},
                                   {"wilder", {"*.b.a.test"}, "/"},
                                   {"exact", {"A.test", "x.b.A.test."}, "/"}};
  const std::pair<const char*, const char*> cases[] = {{"a.test", "exact"},
                                                       {"A.TEST", "exact"},
                                                       {"a.test.", "exact"},
                                                       {"x.b.a.test", "exact"},
                                                       {"y.b.a.test", "wilder"},
                                                       {"b.a.test", "wild"},
                                                       {"x.y.a.test", "wild"},
                                                       {"xa.test", "any"},
                                                       {".a.test", "regex"},
                                                       {"other", "any"},
                                                       {"", "any"}};
  for (const auto& [host, want] : cases) {
    EXPECT_EQ(match(specs, TestRequest(host, "/x")), want) << host;
  }
}

TEST(Router, AnchorsHostRegexes) {
  // PN-05
  const std::vector<Spec> specs = {{"re", {"~a\\.test|b"}, "/"}};
  EXPECT_EQ(match(specs, TestRequest("A.test", "/")), "re");
  EXPECT_EQ(match(specs, TestRequest("b", "/")), "re");
  for (const char* host : {"xa.testx", "aXtest", "a.test.evil", "bb", "xb"}) {
    EXPECT_EQ(match(specs, TestRequest(host, "/")), "-") << host;
  }
}

TEST(Router, MatchesRegexesOnTheCanonicalPath) {
  const std::vector<Spec> specs = {{"private", {}, "^/private", PathType::regex},
                                   {"php", {}, "\\.php$", PathType::regex}};
  EXPECT_EQ(match(specs, TestRequest("h", "/%70rivate/x")), "private");
  EXPECT_EQ(match(specs, TestRequest("h", "/PRIVATE")), "-");
  EXPECT_EQ(match(specs, TestRequest("h", "/x/index.php?a")), "php");
  EXPECT_EQ(match(specs, TestRequest("h", "/private/x.php")), "private");
  EXPECT_EQ(match(specs, TestRequest("h", "/x?y.php")), "-");
}

TEST(Router, PutsPriorityBeforeEverything) {
  const std::vector<Spec> specs = {{"exact", {"a.test"}, "/a", PathType::exact},
                                   {"high", {}, "", PathType::any, 10},
                                   {"higher", {}, "^/b", PathType::regex, 11},
                                   {"low", {"a.test"}, "/c", PathType::exact, -1},
                                   {"lowest", {}, "/", PathType::prefix, -2}};
  EXPECT_EQ(match(specs, TestRequest("a.test", "/a")), "high");
  EXPECT_EQ(match(specs, TestRequest("a.test", "/b")), "higher");
  const std::vector<Spec> rest = {specs[0], specs[3], specs[4]};
  EXPECT_EQ(match(rest, TestRequest("a.test", "/a")), "exact");
  EXPECT_EQ(match(rest, TestRequest("a.test", "/c")), "low");
  EXPECT_EQ(match(rest, TestRequest("b.test", "/c")), "lowest");
}

TEST(Router, SkipsLocationsWhoseConditionsFail) {
  const std::vector<Spec> specs = {
      {"root", {}, "/"},
      {"api", {}, "/api"},
      {"post", {}, "/api", PathType::prefix, 0, {"POST", "PURGE"}},
      {"canary", {}, "/api", PathType::prefix, 0, {"POST"}, {{"x-canary", "1", {}}}},
      {"deep", {}, "/api/deep", PathType::prefix, 0, {"DELETE"}}};
  EXPECT_EQ(match(specs, TestRequest("h", "/api/x")), "api");
  EXPECT_EQ(match(specs, TestRequest("h", "/api/x", {}, "POST")), "post");
  EXPECT_EQ(match(specs, TestRequest("h", "/api/x", {}, "PURGE")), "post");
  EXPECT_EQ(match(specs, TestRequest("h", "/api/x", {{"X-Canary", "1"}}, "POST")), "canary");
  EXPECT_EQ(match(specs, TestRequest("h", "/api/deep/x", {}, "DELETE")), "deep");
  EXPECT_EQ(match(specs, TestRequest("h", "/api/deep/x", {}, "POST")), "post");
  EXPECT_EQ(match(specs, TestRequest("h", "/api/deep")), "api");
}

TEST(Router, KeepsDeclarationOrderAmongEquals) {
  EXPECT_EQ(match({{"first", {}, "/a"}, {"second", {}, "/a"}}, TestRequest("h", "/a/b")), "first");
  EXPECT_EQ(match({{"first", {}, "a", PathType::regex}, {"second", {}, "/", PathType::regex}},
                  TestRequest("h", "/a/b")),
            "first");
}

TEST(Router, FindsLongKeysAndManySegments) {
  std::vector<Spec> specs;
  std::string path;
  for (int i = 0; i < 100; ++i) {
    path += "/segment" + std::to_string(i);
    specs.push_back({path, {}, path});
    specs.push_back({path + "=", {}, path, PathType::exact});
    specs.push_back({path + "/", {}, path + "/"});
  }
  const Table table(specs);
  const Router router = table.router();
  std::string at;
  for (int i = 0; i < 100; ++i) {
    at += "/segment" + std::to_string(i);
    EXPECT_EQ(table.name(router.match(TestRequest("h", at).input())), at + "=");
    EXPECT_EQ(table.name(router.match(TestRequest("h", at + "/x").input())), at + "/");
    EXPECT_EQ(table.name(router.match(TestRequest("h", at + "x").input())),
              i == 0 ? "-" : at.substr(0, at.rfind('/') + 1));
  }
  std::string deep;
  for (int i = 0; i < 4000; ++i) {
    deep += "/a";
  }
  EXPECT_EQ(router.match(TestRequest("h", deep).input()), -1);
}

TEST(Router, SearchesManyRegexesAtOnce) {
  std::vector<Spec> specs;
  for (int i = 0; i < 50; ++i) {
    specs.push_back({"re" + std::to_string(i),
                     {},
                     "^/svc" + std::to_string(i) + "(/|$)",
                     PathType::regex,
                     0,
                     {},
                     {}});
    specs.push_back({"po" + std::to_string(i),
                     {},
                     "/svc" + std::to_string(i) + "$",
                     PathType::regex,
                     0,
                     {"POST"},
                     {}});
  }
  EXPECT_EQ(match(specs, TestRequest("h", "/svc7/x")), "re7");
  EXPECT_EQ(match(specs, TestRequest("h", "/svc49")), "re49");
  EXPECT_EQ(match(specs, TestRequest("h", "/svc49", {}, "POST")), "po49");
  EXPECT_EQ(match(specs, TestRequest("h", "/x/svc49", {}, "POST")), "po49");
  EXPECT_EQ(match(specs, TestRequest("h", "/svc50")), "-");
}

TEST(Router, MakesConfiguredPathsCanonical) {
  const std::vector<Spec> specs = {{"umlaut", {}, "/\xc3\xa4//b/./c"}};
  EXPECT_EQ(match(specs, TestRequest("h", "/%c3%a4/b/c/d")), "umlaut");
}

TEST(Router, ReturnsAllErrors) {
  const auto errors = Table({{"good", {"a.test", "~x+"}, "/a"},
                             {"host", {"a.*.test", "~(", "~a)|(b", "*", ""}, "/a"},
                             {"path", {}, "a"},
                             {"query", {}, "/a?b"},
                             {"parameter", {}, "/a;b"},
                             {"escape", {}, "/a%zz"},
                             {"up", {}, "/../a"},
                             {"regex", {}, "(", PathType::regex}})
                          .errors();
  std::vector<size_t> locations;
  for (const BuildError& error : errors) {
    locations.push_back(error.location);
    EXPECT_FALSE(error.what.empty());
  }
  EXPECT_EQ(locations, (std::vector<size_t>{1, 1, 1, 1, 1, 2, 3, 4, 5, 6, 7}));
}

TEST(Router, MatchesNothingWhenEmpty) {
  EXPECT_EQ(match({}, TestRequest("h", "/")), "-");
}

TEST(Router, ExplainsEveryLocation) {
  const Table table({{"root", {}, "/"},
                     {"host", {"b.test", "*.b.test"}, "/"},
                     {"one", {"~c.*"}, "/"},
                     {"post", {"a.test"}, "/api", PathType::prefix, 0, {"POST"}},
                     {"header", {}, "/api", PathType::prefix, 0, {}, {{"x-a", "1", {}}}},
                     {"exact", {}, "/x", PathType::exact},
                     {"slash", {}, "/api/", PathType::prefix},
                     {"regex", {}, "^/z", PathType::regex},
                     {"best", {"a.test"}, "/api", PathType::prefix}});
  TestRequest request("a.test", "/api");
  const Router router = table.router();
  const auto all = router.explain(request.input());
  const std::pair<const char*, const char*> want[] = {
      {"post", "method GET is not allowed"},
      {"best", "host `a.test` (exact), path `/api` (prefix), priority 0"},
      {"host", "host `a.test` is not one of `b.test`, `*.b.test`"},
      {"one", "host `a.test` is not `~c.*`"},
      {"exact", "path `/api` is not `/x`"},
      {"slash", "path `/api` is not below `/api/`"},
      {"header", "header `x-a` is not `1`"},
      {"root",
       "host any, path `/` (prefix), priority 0; but `best` goes before: its kind of host is more "
       "specific"},
      {"regex", "path `/api` does not match `^/z`"}};
  ASSERT_EQ(all.size(), std::size(want));
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(table.name(static_cast<int>(all[i].location)), want[i].first);
    EXPECT_EQ(all[i].reason, want[i].second);
  }
}

// match() with its indexes agrees with explain(), which asks each location.
TEST(Router, AgreesWithItsExplanationForRandomTables) {
  constexpr const char* kHosts[] = {"a.test",  "b.a.test", "*.a.test", "*.b.a.test",
                                    "~[ab].*", "~.*test",  "c"};
  constexpr const char* kPaths[] = {"/", "/a", "/a/", "/a/b", "/a/b/", "/ab", "/b/a", "/a/b/c"};
  constexpr const char* kRegexes[] = {"^/a", "b$", "/a/", "."};
  constexpr const char* kAskedHosts[] = {"a.test", "b.a.test", "x.b.a.test", "x.a.test", "c", "d"};
  constexpr const char* kAsked[] = {"/",      "/a",    "/a/",     "/a/b", "/a/b/", "/ab",
                                    "/abc/d", "/b/a/", "/a/b/c/", "/a/x", "*",     "/b;x/a"};
  constexpr const char* kMethods[] = {"GET", "POST"};
  std::mt19937 random(7);
  const auto pick = [&](const auto& from) { return from[random() % std::size(from)]; };
  for (int round = 0; round < 400; ++round) {
    std::vector<Spec> specs;
    for (size_t i = random() % 25; i > 0; --i) {
      Spec spec{"l" + std::to_string(i), {}, "", PathType::any, 0, {}, {}};
      for (size_t hosts = random() % 3; hosts > 0; --hosts) {
        spec.hosts.emplace_back(pick(kHosts));
      }
      const auto kind = random() % 7;
      spec.type = kind < 2 ? PathType::exact : kind < 5 ? PathType::prefix : PathType::regex;
      spec.path = kind == 6 ? "" : kind == 5 ? pick(kRegexes) : pick(kPaths);
      spec.priority = random() % 4 == 0 ? static_cast<int32_t>(random() % 3) : 0;
      if (random() % 4 == 0) {
        spec.methods = {pick(kMethods)};
      }
      specs.push_back(spec);
    }
    const Table table(specs);
    const Router router = table.router();
    for (int i = 0; i < 25; ++i) {
      TestRequest request(pick(kAskedHosts), pick(kAsked), {}, pick(kMethods));
      const auto all = router.explain(request.input());
      const auto first =
          std::find_if(all.begin(), all.end(), [](const Considered& one) { return one.matched; });
      const int want = first == all.end() ? -1 : static_cast<int>(first->location);
      ASSERT_EQ(router.match(request.input()), want);
      ASSERT_EQ(all.size(), specs.size());
    }
  }
}

}  // namespace
}  // namespace pingap::route

// That choosing a location, rewriting and rendering allocate nothing: operator new is counted.
#include <memory>

#include <gtest/gtest.h>

#include "base/test_allocations.h"
#include "route/rewrite.h"
#include "route/router.h"
#include "route/test_request.h"

namespace pingap::route {
namespace {

config::Location make_location(config::PathType type, const char* path, const char* host,
                               const char* rewrite = "") {
  config::Location location;
  location.path_type = type;
  location.path.value = path;
  location.rewrite.value = rewrite;
  if (*host != '\0') {
    location.hosts.push_back({host, {}});
  }
  return location;
}

TEST(Allocations, AreCounted) {
  EXPECT_EQ(allocations_of([] { ::operator delete(::operator new(64)); }), 1U);
}

TEST(Allocations, AreNoneWhenMatching) {
  using config::PathType;
  std::vector<config::Location> locations = {
      make_location(PathType::exact, "/exact", ""),
      make_location(PathType::prefix, "/api/v1", ""),
      make_location(PathType::regex, "^/re[0-9]+/", ""),
      make_location(PathType::prefix, "/", "*.wild.test"),
      make_location(PathType::prefix, "/", "~re[0-9]+\\.test"),
      make_location(PathType::prefix, "/cond", "")};
  locations.back().match_query.push_back({"a", "b c", {}});
  locations.back().match_headers.push_back({"x-a", "1", {}});
  locations.back().match_cookies.push_back({"c", std::nullopt, {}});
  std::vector<const config::Location*> pointers;
  for (const config::Location& location : locations) {
    pointers.push_back(&location);
  }
  const auto router = Router::build(pointers, {});
  ASSERT_TRUE(router.has_value());

  const struct {
    const char* host;
    const char* target;
    int want;
  } cases[] = {{"a.test", "/exact", 0},        {"a.test", "/api/v1/x/y", 1},
               {"a.test", "/re42/x", 2},       {"x.wild.test", "/anything", 3},
               {"re7.test", "/anything", 4},   {"a.test", "/cond?x&a=b+c", 5},
               {"a.test", "/nothing/here", -1}};

  for (const auto& test : cases) {
    TestRequest request(test.host, test.target, {{"X-A", "1"}, {"Cookie", "b=1; c=2"}});
    const MatchInput input = request.input();
    int got = -2;
    EXPECT_EQ(allocations_of([&] { got = router->match(input); }), 0U) << test.target;
    EXPECT_EQ(got, test.want) << test.target;
  }
}

TEST(Allocations, AreNoneWhenRewriting) {
  for (const char* rule : {"/", "/v2?x=1", "^/api/(.*)$ /$1"}) {
    const config::Location location = make_location(config::PathType::prefix, "/api", "", rule);
    const auto rewrite = Rewrite::compile(location, {});
    ASSERT_TRUE(rewrite.has_value());
    TestRequest request("h", "/api/some/path?a=b");
    std::array<char, 1024> memory;
    EXPECT_EQ(allocations_of([&] {
                Arena arena(memory);
                EXPECT_TRUE(rewrite->apply(request.canonical(), arena).has_value());
              }),
              0U)
        << rule;
  }
}

}  // namespace
}  // namespace pingap::route

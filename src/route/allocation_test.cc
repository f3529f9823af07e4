// That choosing a location, rewriting and rendering allocate nothing: operator new is counted.
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

#include <gtest/gtest.h>

#include "route/rewrite.h"
#include "route/router.h"
#include "route/test_request.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define PINGAP_SANITIZER_ALLOCATES 1
#endif
#endif

namespace {
thread_local size_t g_allocations = 0;
}  // namespace

#if defined(PINGAP_SANITIZER_ALLOCATES)

// Sanitizers bring their own operator new, and say by this name when they allocate.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wreserved-identifier"

extern "C" void __sanitizer_malloc_hook(const volatile void* /*memory*/, size_t /*size*/) {
  ++g_allocations;
}

#pragma clang diagnostic pop

#else

// Not inlined: GCC takes a pair that it sees into for a mismatch.
[[gnu::noinline]] void* operator new(size_t size) {
  ++g_allocations;
  void* memory = std::malloc(size);
  if (memory == nullptr) {
    throw std::bad_alloc();
  }
  return memory;
}

[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}

[[gnu::noinline]] void operator delete(void* memory, size_t /*size*/) noexcept {
  std::free(memory);
}

#endif

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

class Allocations : public testing::Test {
 protected:
  // Allocations of the second of two calls: the first fills caches of the thread.
  template <class Call>
  static size_t of(const Call& call) {
    call();
    const size_t before = g_allocations;
    call();
    return g_allocations - before;
  }
};

TEST_F(Allocations, AreCounted) {
  EXPECT_EQ(of([] { ::operator delete(::operator new(64)); }), 1U);
}

TEST_F(Allocations, AreNoneWhenMatching) {
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
    EXPECT_EQ(of([&] { got = router->match(input); }), 0U) << test.target;
    EXPECT_EQ(got, test.want) << test.target;
  }
}

TEST_F(Allocations, AreNoneWhenRewriting) {
  for (const char* rule : {"/", "/v2?x=1", "^/api/(.*)$ /$1"}) {
    const config::Location location = make_location(config::PathType::prefix, "/api", "", rule);
    const auto rewrite = Rewrite::compile(location, {});
    ASSERT_TRUE(rewrite.has_value());
    TestRequest request("h", "/api/some/path?a=b");
    std::array<char, 1024> memory;
    EXPECT_EQ(of([&] {
                Arena arena(memory);
                EXPECT_TRUE(rewrite->apply(request.canonical(), arena).has_value());
              }),
              0U)
        << rule;
  }
}

}  // namespace
}  // namespace pingap::route

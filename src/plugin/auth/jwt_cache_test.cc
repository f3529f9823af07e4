// What is remembered of good tokens: the table by itself, then behind the plugin.
#include "plugin/auth/jwt_cache.h"

#include <chrono>

#include <fmt/format.h>

#include "plugin/auth/jwt_algorithm.h"
#include "plugin/auth/kinds.h"
#include "plugin/auth/test_plugin.h"
#include "plugin/auth/test_tokens.h"

namespace pingap::plugin {
namespace {

using std::chrono::seconds;
using test::base64url;
using test::make;
using test::Request;

constexpr double kNow = 1'700'000'000;
constexpr uint32_t kWorkers = 2;

class JwtCaches : public testing::Test {
 protected:
  // As of a token with `claims` claims that grants a header, lacks one, and ends in 100 s.
  void add(std::string_view token, uint64_t version = 1, uint32_t worker = 0,
           std::string_view user = "alice") {
    std::array<std::optional<std::string_view>, 2> headers = {user, std::nullopt};
    std::array<JwtGrant::Claim, 2> claims = {JwtGrant::Claim{"sub", user}, {"exp", "100"}};
    cache_.add(worker, token, version, kNow, {headers, claims, {kNow - 10, kNow + 100}});
  }

  bool has(std::string_view token, uint64_t version = 1, double now = kNow, uint32_t worker = 0) {
    return cache_.find(worker, token, version, now, arena_, grant_);
  }

  JwtCache cache_{4, kWorkers};  // one set of places
  std::array<char, 64 * 1024> block_;
  Arena arena_{block_};
  JwtGrant grant_;
};

TEST_F(JwtCaches, GivesWhatWasKept) {
  EXPECT_FALSE(has("a.b.c"));
  {
    const std::string token = "a.b.c";  // which is gone when it is looked for
    const std::string user = "alice";
    add(token, 1, 0, user);
  }
  ASSERT_TRUE(has("a.b.c"));
  ASSERT_EQ(grant_.headers.size(), 2U);
  EXPECT_EQ(grant_.headers[0], "alice");
  EXPECT_EQ(grant_.headers[1], std::nullopt);
  ASSERT_EQ(grant_.claims.size(), 2U);
  EXPECT_EQ(grant_.claims[0].name, "sub");
  EXPECT_EQ(grant_.claims[0].value, "alice");
  EXPECT_EQ(grant_.claims[1].name, "exp");
  EXPECT_EQ(grant_.claims[1].value, "100");
}

TEST_F(JwtCaches, WhatWasGivenOutlivesItsPlace) {
  add("a.b.c");
  ASSERT_TRUE(has("a.b.c"));
  for (int i = 0; i < 10; ++i) {
    add(fmt::format("x{}.b.c", i), 1, 0, "mallory");
  }
  EXPECT_EQ(grant_.headers[0], "alice");
  EXPECT_EQ(grant_.claims[0].value, "alice");
}

TEST_F(JwtCaches, FindsOnlyTheWholeToken) {
  const std::string token =
      std::string(100, 'h') + "." + std::string(100, 'p') + "." + std::string(43, 's');
  add(token);
  ASSERT_TRUE(has(token));
  for (size_t i = 0; i < token.size(); ++i) {
    std::string other = token;
    other[i] = static_cast<char>(other[i] ^ 1);
    EXPECT_FALSE(has(other)) << i;
  }
  EXPECT_FALSE(has(token.substr(1)));
  EXPECT_FALSE(has(token.substr(0, token.size() - 1)));
  EXPECT_FALSE(has(token + "s"));
  EXPECT_FALSE(has("h" + token));
  EXPECT_FALSE(has(""));
}

TEST_F(JwtCaches, FindsOnlyWhileItsTimeIsOn) {
  add("a.b.c");
  EXPECT_FALSE(has("a.b.c", 1, kNow - 10.5));
  EXPECT_TRUE(has("a.b.c", 1, kNow - 10));
  EXPECT_TRUE(has("a.b.c", 1, kNow + 99.5));
  EXPECT_FALSE(has("a.b.c", 1, kNow + 100));
  EXPECT_TRUE(has("a.b.c", 1, kNow));  // a clock may be set back
}

TEST_F(JwtCaches, FindsOnlyUnderTheSameKeys) {
  add("a.b.c", 1);
  EXPECT_FALSE(has("a.b.c", 2));
  add("a.b.c", 2);
  EXPECT_TRUE(has("a.b.c", 2));
  EXPECT_FALSE(has("a.b.c", 1));
}

TEST_F(JwtCaches, EachWorkerHasItsOwn) {
  add("a.b.c", 1, 1);
  EXPECT_FALSE(has("a.b.c", 1, kNow, 0));
  EXPECT_TRUE(has("a.b.c", 1, kNow, 1));
}

TEST_F(JwtCaches, LosesWhatIsNotAskedFor) {
  for (const char* token : {"1.b.c", "2.b.c", "3.b.c", "4.b.c"}) {
    add(token);
  }
  EXPECT_TRUE(has("1.b.c"));
  add("5.b.c");
  for (const char* token : {"1.b.c", "3.b.c", "4.b.c", "5.b.c"}) {
    EXPECT_TRUE(has(token)) << token;
  }
  EXPECT_FALSE(has("2.b.c"));
}

TEST_F(JwtCaches, LosesWhatIsOfNoUseFirst) {
  cache_.add(0, "1.b.c", 1, kNow, {{}, {}, {kNow - 10, kNow + 5}});
  for (const char* token : {"2.b.c", "3.b.c", "4.b.c"}) {
    add(token);
  }
  EXPECT_TRUE(has("1.b.c"));  // the last one asked for, but soon over
  cache_.add(0, "5.b.c", 1, kNow + 5, {{}, {}, {kNow - 10, kNow + 100}});
  EXPECT_FALSE(has("1.b.c"));
  for (const char* token : {"2.b.c", "3.b.c", "4.b.c", "5.b.c"}) {
    EXPECT_TRUE(has(token)) << token;
  }
  add("6.b.c", 2);  // of newer keys
  for (const char* token : {"2.b.c", "3.b.c", "4.b.c", "5.b.c"}) {
    has(token);
  }
  add("7.b.c", 2);
  EXPECT_TRUE(has("6.b.c", 2));
  EXPECT_TRUE(has("7.b.c", 2));
}

TEST_F(JwtCaches, KeepsNothingThatIsTooLong) {
  add(std::string(JwtCache::kMostBytes, 't'));
  EXPECT_FALSE(has(std::string(JwtCache::kMostBytes, 't')));
  const size_t texts = std::string_view("alicesubaliceexp100").size();
  add(std::string(JwtCache::kMostBytes - texts + 1, 't'));
  EXPECT_FALSE(has(std::string(JwtCache::kMostBytes - texts + 1, 't')));
  add(std::string(JwtCache::kMostBytes - texts, 't'));
  EXPECT_TRUE(has(std::string(JwtCache::kMostBytes - texts, 't')));
}

TEST(JwtCache, KeepsNothingWhereItIsOff) {
  const JwtCache cache(0, 1);
  std::array<char, 1024> block;
  Arena arena{block};
  JwtGrant grant;
  cache.add(0, "a.b.c", 1, kNow, {});
  EXPECT_FALSE(cache.find(0, "a.b.c", 1, kNow, arena, grant));
}

// ---- behind the plugin

constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";
constexpr std::string_view kClaims =
    R"({"sub":"alice","roles":["a","b"],"nbf":1700000000,"exp":1700000100})";

std::string token(std::string_view claims = kClaims, std::string_view secret = kSecret) {
  const std::string text =
      fmt::format("{}.{}", base64url(R"({"alg":"HS256","typ":"JWT"})"), base64url(claims));
  return text + "." + base64url(test::hmac(EVP_sha256(), secret, text));
}

std::shared_ptr<const Plugin> plugin(const std::string& more = "",
                                     std::string_view secret = kSecret) {
  auto made = make(kJwt, fmt::format("secret = \"{}\"\n{}", secret, more));
  EXPECT_EQ(made.errors, "");
  return made.plugin;
}

// The status, and how many signatures it took to know it.
std::pair<int, uint64_t> ask(const Plugin& it, const std::string& token, int later = 0) {
  Request request;
  request.wall += seconds(later);
  const uint64_t before = JwtKey::verified_by_thread();
  const int status = request.with("Authorization", "Bearer " + token).finish(it);
  return {status, JwtKey::verified_by_thread() - before};
}

constexpr std::pair<int, uint64_t> kWorkedOut{0, 1};
constexpr std::pair<int, uint64_t> kKept{0, 0};

TEST(JwtKept, ASignatureIsWorkedOutOnce) {
  const auto it = plugin();
  EXPECT_EQ(ask(*it, token()), kWorkedOut);
  EXPECT_EQ(ask(*it, token()), kKept);
  const auto off = plugin("cache = 0");
  EXPECT_EQ(ask(*off, token()), kWorkedOut);
  EXPECT_EQ(ask(*off, token()), kWorkedOut);
}

TEST(JwtKept, AWrongSignatureIsWorkedOutEachTime) {
  const auto it = plugin();
  const std::string wrong = token(kClaims, "another secret of thirty-two bytes");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ask(*it, wrong), std::pair(401, uint64_t{1}));
  }
  std::string last = token();
  ASSERT_EQ(ask(*it, last), kWorkedOut);
  last.back() = last.back() == 'A' ? 'E' : 'A';  // a form of the same length that can be decoded
  EXPECT_EQ(ask(*it, last), std::pair(401, uint64_t{1}));
  std::string claims = token();
  claims[claims.find('.') + 8] ^= 1;  // with the signature of a good one
  EXPECT_EQ(ask(*it, claims).first, 401);
}

// It is 1700000000, and clocks may differ by 30 s.
TEST(JwtKept, ItsTimeIsLookedAtEachTime) {
  const auto it = plugin();
  for (const auto& [later, wanted] : std::vector<std::pair<int, int>>{
           {0, 0}, {129, 0}, {130, 401}, {1000, 401}, {-30, 0}, {-31, 401}, {0, 0}}) {
    EXPECT_EQ(ask(*it, token(), later).first, wanted) << later;
  }
  const auto with = [](std::string_view time) {
    return token(fmt::format(R"({{"exp":1700001000,{}}})", time));
  };
  for (const std::string& early :
       {with(R"("nbf":1700000100)"), with(R"("iat":1700000100)"),
        with(R"("nbf":1700000100,"iat":1)"), with(R"("nbf":1,"iat":1700000100)")}) {
    EXPECT_EQ(ask(*it, early, 70), kWorkedOut);
    EXPECT_EQ(ask(*it, early, 70), kKept);
    EXPECT_EQ(ask(*it, early, 69).first, 401);
  }
  const auto forever = plugin("require_exp = false");
  EXPECT_EQ(ask(*forever, token("{}")), kWorkedOut);
  EXPECT_EQ(ask(*forever, token("{}"), 1'000'000'000), kKept);
}

TEST(JwtKept, IsOfOneConfiguration) {
  const auto before = plugin();
  ASSERT_EQ(ask(*before, token()), kWorkedOut);
  for (const auto& [more, status] : std::vector<std::pair<std::string, int>>{
           {"audience = \"api\"", 401}, {"required_claims = [\"x\"]", 401}, {"realm = \"x\"", 0}}) {
    const auto next =
        make(kJwt, fmt::format("secret = \"{}\"\n{}", kSecret, more), nullptr, before.get()).plugin;
    EXPECT_EQ(ask(*next, token()), std::pair(status, uint64_t{1})) << more;
  }
  const auto other =
      make(kJwt, "secret = \"another secret of thirty-two bytes\"", nullptr, before.get());
  EXPECT_EQ(ask(*other.plugin, token()), std::pair(401, uint64_t{1}));
}

// Both secrets are used in turn: the one that is prepared is not taken for the other.
TEST(JwtKept, SecretsAreToldApart) {
  constexpr std::string_view kOther = "another secret of thirty-two bytes";
  const auto one = plugin("cache = 0");
  const auto two = plugin("cache = 0", kOther);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ask(*one, token()).first, 0);
    EXPECT_EQ(ask(*one, token()).first, 0);
    EXPECT_EQ(ask(*one, token(kClaims, kOther)).first, 401);
    EXPECT_EQ(ask(*two, token(kClaims, kOther)).first, 0);
    EXPECT_EQ(ask(*two, token()).first, 401);
  }
}

TEST(JwtKept, WhatATokenGrantsIsTheSame) {
  const auto it = plugin(R"(
claim_headers = { X-User = "sub", X-Roles = "roles", X-Admin = "admin" }
set_headers = { X-Who = "user $auth_sub" }
hide_credentials = true
)");
  for (const auto& wanted : {kWorkedOut, kKept, kKept}) {
    Request request;
    request.with("Authorization", "Bearer " + token()).with("X-User", "root").with("X-Admin", "1");
    const uint64_t before = JwtKey::verified_by_thread();
    ASSERT_EQ(request.run(*it), 0);
    EXPECT_EQ(JwtKey::verified_by_thread() - before, wanted.second);
    EXPECT_EQ(request.sent("x-user"), "alice");
    EXPECT_EQ(request.sent("x-roles"), "a,b");
    EXPECT_EQ(request.x.request.headers.find("x-admin"), nullptr);
    EXPECT_EQ(request.sent("x-who"), "user alice");
    EXPECT_EQ(request.sent("authorization"), "");
    EXPECT_EQ(request.known("roles"), "a,b");
    EXPECT_EQ(request.known("exp"), "1700000100");
  }
}

TEST(JwtKept, ManyTokensPassThroughAFewPlaces) {
  const auto it = plugin("cache = 4");
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 50; ++i) {
      Request request;
      const std::string user = fmt::format("user-{}", i);
      request.with("Authorization",
                   "Bearer " + token(fmt::format(R"({{"sub":"{}","exp":1700000100}})", user)));
      ASSERT_EQ(request.run(*it), 0);
      EXPECT_EQ(request.known("sub"), user);
    }
  }
}

}  // namespace
}  // namespace pingap::plugin

// Referer and User-Agent.
#include "plugin/security/kinds.h"
#include "plugin/test_plugin.h"

namespace pingap::plugin {
namespace {

Verdict with(const Made& made, Asked::Headers headers) {
  Asked asked("/", std::move(headers));
  return asked.ask(*made);
}

constexpr Verdict kIn = Verdict::next;
constexpr Verdict kOut = Verdict::respond;

// security.md RF-01
TEST(RefererRestriction, LooksAtTheHostAndNothingElse) {
  const Made made(kRefererRestriction, R"(referer_list = ["a.test", "*.b.test"])");
  for (const char* in : {"https://a.test/", "http://A.TEST:8080/x?y", "https://a.test",
                         "https://x.b.test/", "https://x.y.b.test/"}) {
    EXPECT_EQ(with(made, {{"Referer", in}}), kIn) << in;
  }
  for (const char* out :
       {"https://a.test.evil.test/", "https://evil.test/?a.test", "https://a.test@evil.test/",
        "https://evil.test/#https://a.test", "https://b.test/", "a.test", "ftp://a.test/",
        "https://evil.test\\.a.test/", "", "https://xb.test/"}) {
    EXPECT_EQ(with(made, {{"Referer", out}}), kOut) << out;
  }
  EXPECT_EQ(with(made, {}), kOut);
  EXPECT_EQ(with(made, {{"Referer", "https://a.test/"}, {"Referer", "https://a.test/"}}), kOut);
}

TEST(RefererRestriction, MayLetInWhoSaysNothing) {
  const Made allow(kRefererRestriction, "referer_list = [\"a.test\"]\nallow_missing = true");
  EXPECT_EQ(with(allow, {}), kIn);
  const Made deny(kRefererRestriction, "referer_list = [\"a.test\"]\nmode = \"deny\"");
  EXPECT_EQ(with(deny, {}), kIn);
  EXPECT_EQ(with(deny, {{"Referer", "https://a.test/"}}), kOut);
  EXPECT_EQ(with(deny, {{"Referer", "https://c.test/"}}), kIn);
}

TEST(RefererRestriction, KnowsAHostWithATrailingDotAndNoneWithEscapes) {
  const Made deny(kRefererRestriction,
                  "referer_list = [\"a.test\", \"*.b.test\"]\nmode = \"deny\"");
  for (const char* out : {"https://a.test./", "https://A.test.:443/", "https://a.test..",
                          "https://x.b.test./", "https://%61.test/", "https://a%2etest/"}) {
    EXPECT_EQ(with(deny, {{"Referer", out}}), kOut) << out;
  }
  EXPECT_EQ(with(deny, {{"Referer", "https://c.test./"}}), kIn);
}

TEST(RefererRestriction, SearchesForPatternsInTheWholeAddress) {
  const Made allow(kRefererRestriction,
                   R"(referer_list = ["b.test", "~ ^https://[a-z]+\\.a\\.test/shop"])");
  for (const char* in : {"https://x.a.test/shop/1", "HTTPS://X.A.TEST/SHOP", "http://b.test/"}) {
    EXPECT_EQ(with(allow, {{"Referer", in}}), kIn) << in;
  }
  for (const char* out : {"http://x.a.test/shop", "https://x.a.test/", "https://evil.test/shop",
                          "https://evil.test/?https://x.a.test/shop"}) {
    EXPECT_EQ(with(allow, {{"Referer", out}}), kOut) << out;
  }
  const Made deny(kRefererRestriction, "referer_list = [\"~ (a+)+$\"]\nmode = \"deny\"");
  EXPECT_EQ(with(deny, {{"Referer", "http://b.test/" + std::string(16 << 10, 'a') + "!"}}), kIn);
  EXPECT_EQ(with(deny, {{"Referer", "http://b.test/a"}}), kOut);
}

TEST(UaRestriction, JudgesEveryField) {
  const Made deny(kUaRestriction, "ua_list = [\"curl\"]\nmode = \"deny\"");
  EXPECT_EQ(with(deny, {{"User-Agent", "ok"}, {"User-Agent", "curl"}}), kOut);
  EXPECT_EQ(with(deny, {{"User-Agent", ""}, {"User-Agent", "curl"}}), kOut);
  EXPECT_EQ(with(deny, {{"User-Agent", "ok"}, {"User-Agent", "good"}}), kIn);
  const Made allow(kUaRestriction, "ua_list = [\"^ok\", \"^good\"]");
  EXPECT_EQ(with(allow, {{"User-Agent", "ok"}, {"User-Agent", "curl"}}), kOut);
  EXPECT_EQ(with(allow, {{"User-Agent", "ok"}, {"User-Agent", "good"}}), kIn);
  EXPECT_EQ(with(allow, {{"User-Agent", ""}}), kOut);
}

// More than are tried one by one.
TEST(UaRestriction, TakesManyPatterns) {
  std::string list;
  for (int i = 10; i < 40; ++i) {
    list += "\"robot" + std::to_string(i) + "$\", ";
  }
  const Made deny(kUaRestriction, "ua_list = [" + list + "]\nmode = \"deny\"");
  EXPECT_EQ(with(deny, {{"User-Agent", "a ROBOT33"}}), kOut);
  EXPECT_EQ(with(deny, {{"User-Agent", "robot33x"}}), kIn);
}

TEST(UaRestriction, SearchesInAnyCase) {
  const Made deny(kUaRestriction, "ua_list = [\"curl\", \"^Bad\"]\nmode = \"deny\"");
  EXPECT_EQ(with(deny, {{"User-Agent", "CURL/8"}}), kOut);
  EXPECT_EQ(with(deny, {{"User-Agent", "bad robot"}}), kOut);
  EXPECT_EQ(with(deny, {{"User-Agent", "not bad"}}), kIn);
  EXPECT_EQ(with(deny, {}), kIn);
  const Made allow(kUaRestriction, "ua_list = [\"^Mozilla/\"]");
  EXPECT_EQ(with(allow, {{"User-Agent", "Mozilla/5.0"}}), kIn);
  EXPECT_EQ(with(allow, {{"User-Agent", "x Mozilla/5.0"}}), kOut);
  EXPECT_EQ(with(allow, {}), kOut);
}

// security.md UA-01: a pattern that makes others run for years.
TEST(UaRestriction, TakesLinearTime) {
  const Made deny(kUaRestriction, "ua_list = [\"(a+)+$\"]\nmode = \"deny\"");
  EXPECT_EQ(with(deny, {{"User-Agent", std::string(16 << 10, 'a') + "!"}}), kIn);
}

TEST(Restrictions, AreNotMadeOfNonsense) {
  EXPECT_TRUE(Made(kUaRestriction, "ua_list = [\"(\"]").failed());
  EXPECT_TRUE(Made(kUaRestriction, "ua_list = []").failed());
  EXPECT_TRUE(Made(kRefererRestriction, "referer_list = [\"https://a.test\"]").failed());
  EXPECT_TRUE(Made(kRefererRestriction, "referer_list = [\"~ (\"]").failed());
  EXPECT_TRUE(Made(kRefererRestriction, "referer_list = []").failed());
}

}  // namespace
}  // namespace pingap::plugin

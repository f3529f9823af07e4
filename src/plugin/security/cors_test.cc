#include "plugin/security/kinds.h"
#include "plugin/test_plugin.h"

namespace pingap::plugin {
namespace {

// The origin that a page of `origin` is told it may read from; empty = it may not.
std::string allowed(const Made& made, const std::string& origin) {
  Asked asked("/", {{"Origin", origin}});
  EXPECT_EQ(asked.ask(*made), Verdict::next);
  asked.respond(*made);
  return asked.got("access-control-allow-origin");
}

TEST(Cors, LetsEveryPageReadByDefault) {
  const Made made(kCors, "");
  EXPECT_EQ(allowed(made, "https://x.test"), "*");
  Asked asked("/", {{"Origin", "https://x.test"}});
  asked.ask(*made);
  asked.respond(*made);
  EXPECT_EQ(asked.got("vary"), "");
  EXPECT_EQ(asked.got("access-control-allow-credentials"), "");
}

// Fetch, "CORS protocol and HTTP caches": a cache may give the answer to a page of another origin.
TEST(Cors, LetsEveryPageReadWhatACacheKept) {
  const Made made(kCors, "expose_headers = [\"X-A\"]");
  Asked asked;
  EXPECT_EQ(asked.ask(*made), Verdict::next);
  asked.respond(*made);
  EXPECT_EQ(asked.got("access-control-allow-origin"), "*");
  EXPECT_EQ(asked.got("access-control-expose-headers"), "X-A");
  EXPECT_EQ(asked.got("vary"), "");
  const Made some(kCors, "allow_origin = [\"https://a.test\"]");
  Asked other;
  other.ask(*some);
  other.respond(*some);
  EXPECT_EQ(other.got("access-control-allow-origin"), "");
}

TEST(Cors, NoPatternMeansTheOriginNull) {
  const Made made(kCors, "allow_origin = [\"~ .*\"]");
  EXPECT_EQ(allowed(made, "null"), "");
  EXPECT_EQ(allowed(made, "https://a.test"), "https://a.test");
}

TEST(Cors, KnowsOriginsExactlyBelowAndByPattern) {
  const Made made(
      kCors, R"(allow_origin = ["https://a.test", "https://*.b.test", "~ https://c\\d\\.test"])");
  for (const char* in : {"https://a.test", "https://x.b.test", "https://x.y.b.test",
                         "https://c1.test", "HTTPS://A.TEST"}) {
    EXPECT_EQ(allowed(made, in), in);
  }
  for (const char* out :
       {"http://a.test", "https://a.test:444", "https://a.test.evil.test", "https://b.test",
        "https://evil.test/.b.test", "https://evil.test:1.b.test", "https://evil@x.b.test",
        "https://c1.test.evil.test", "https://xc1.test", "null", ""}) {
    EXPECT_EQ(allowed(made, out), "") << out;
  }
}

TEST(Cors, SaysThatTheAnswerDependsOnTheOrigin) {
  const Made made(kCors, R"(allow_origin = ["https://a.test"])");
  Asked asked;
  asked.ask(*made);
  asked.respond(*made);
  EXPECT_EQ(asked.got("vary"), "Origin");
  Asked known;
  known.x.response.headers.add("Vary", "Accept, origin");
  known.ask(*made);
  known.respond(*made);
  EXPECT_EQ(known.got("vary"), "Accept, origin");
}

TEST(Cors, AnswersAPreflight) {
  const Made made(kCors, R"(allow_origin = ["https://a.test"]
allow_methods = ["GET", "PUT"]
allow_credentials = true
allow_private_network = true
max_age = "10m")");
  Asked asked("/",
              {{"Origin", "https://a.test"},
               {"Access-Control-Request-Method", "PUT"},
               {"Access-Control-Request-Headers", "x-a, x-b"},
               {"Access-Control-Request-Private-Network", "true"}},
              "OPTIONS");
  EXPECT_EQ(asked.ask(*made), Verdict::respond);
  EXPECT_EQ(asked.answer.status, 204);
  EXPECT_EQ(asked.answered("access-control-allow-methods"), "GET, PUT");
  EXPECT_EQ(asked.answered("access-control-allow-headers"), "x-a, x-b");
  EXPECT_EQ(asked.answered("access-control-max-age"), "600");
  EXPECT_EQ(asked.answered("access-control-allow-private-network"), "true");
  asked.respond(*made, 204);
  EXPECT_EQ(asked.got("access-control-allow-origin"), "https://a.test");
  EXPECT_EQ(asked.got("access-control-allow-credentials"), "true");
}

TEST(Cors, TellsAForeignPreflightNothing) {
  const Made made(kCors, R"(allow_origin = ["https://a.test"])");
  Asked asked("/", {{"Origin", "https://b.test"}, {"Access-Control-Request-Method", "PUT"}},
              "OPTIONS");
  EXPECT_EQ(asked.ask(*made), Verdict::respond);
  EXPECT_EQ(asked.answered("access-control-allow-methods"), "");
  asked.respond(*made, 204);
  EXPECT_EQ(asked.got("access-control-allow-origin"), "");
}

TEST(Cors, LetsAnOptionsThatIsNoPreflightThrough) {
  const Made made(kCors, "");
  Asked asked("/", {{"Origin", "https://a.test"}}, "OPTIONS");
  EXPECT_EQ(asked.ask(*made), Verdict::next);
}

TEST(Cors, ReplacesWhatTheBackendSays) {
  const Made made(kCors, R"(allow_origin = ["https://a.test"])");
  Asked asked("/", {{"Origin", "https://b.test"}});
  asked.ask(*made);
  asked.x.response.headers.add("Access-Control-Allow-Origin", "*");
  asked.x.response.headers.add("access-control-allow-credentials", "true");
  asked.respond(*made);
  EXPECT_EQ(asked.got("access-control-allow-origin"), "");
  EXPECT_EQ(asked.got("access-control-allow-credentials"), "");
}

TEST(Cors, IsNotMadeToLetEveryPageActAsItsVisitor) {
  EXPECT_TRUE(Made(kCors, "allow_credentials = true").failed());
  for (const char* any :
       {"~ .*", "~ https://.*", "~ .+", "~ https?://[^/]+", "~ https://.*\\\\.com", "~ http://.*",
        "~ (null|https://.*)", "~ https://.*:\\\\d+"}) {
    const Made made(kCors, "allow_credentials = true\nallow_origin = [\"https://a.test\", \"" +
                               std::string(any) + "\"]");
    EXPECT_NE(made.errors().find("t:4:35: error: "), std::string::npos) << any << made.errors();
    EXPECT_NE(made.errors().find("lets in any origin"), std::string::npos) << any;
  }
  const Made some(kCors, R"(allow_credentials = true
allow_origin = ["~ https://[a-z]+\\.a\\.com", "~ https://.*\\.a\\.test(:\\d+)?"])");
  EXPECT_FALSE(some.failed()) << some.errors();
  EXPECT_TRUE(Made(kCors, "allow_origin = [\"a.test\"]").failed());
  EXPECT_TRUE(Made(kCors, "allow_origin = [\"~ (\"]").failed());
  EXPECT_TRUE(Made(kCors, "allow_methods = [\"GET PUT\"]").failed());
}

// Fetch, 3.2.5: with credentials it is the name of a field or a method.
TEST(Cors, TakesAStarOnlyWhereBrowsersDo) {
  const std::string known = "allow_origin = [\"https://a.test\"]\n";
  for (const char* key : {"allow_headers", "allow_methods", "expose_headers"}) {
    const std::string star = std::string(key) + " = [\"*\"]";
    EXPECT_FALSE(Made(kCors, known + star).failed()) << key;
    const Made made(kCors, known + "allow_credentials = true\n" + star);
    EXPECT_NE(made.errors().find("t:5:"), std::string::npos) << made.errors();
    EXPECT_NE(made.errors().find("browsers take \"*\" in `" + std::string(key)), std::string::npos)
        << made.errors();
  }
}

}  // namespace
}  // namespace pingap::plugin

#include "config/lint.h"

#include <gtest/gtest.h>

#include "config/loader.h"

namespace pingap::config {
namespace {

std::string linted(const std::string& text) {
  Diagnostics diagnostics;
  const Model model = load({{"t", text}}, diagnostics);
  EXPECT_EQ(diagnostics.render(), "");
  lint(model, diagnostics);
  std::string all;
  for (const Diagnostic& one : diagnostics.entries()) {
    all += one.what + "\n";
  }
  return all;
}

std::string two_locations(const std::string& first, const std::string& second) {
  return "[upstreams.u]\naddrs = [\"127.0.0.1:1\"]\n[locations.a]\nupstream = \"u\"\n" + first +
         "[locations.b]\nupstream = \"u\"\n" + second +
         "[servers.s]\naddr = \"127.0.0.1:0\"\nlocations = [\"a\", \"b\"]\n";
}

constexpr const char* kShadowed =
    "[locations.b] gets no request in [servers.s]: [locations.a] has a higher priority and matches "
    "all of them\n";

TEST(Lint, HasNothingToSayOfWhatIsUsual) {
  EXPECT_EQ(linted(two_locations("path = \"/\"\n", "path = \"/api\"\n")), "");
  EXPECT_EQ(linted(two_locations("priority = 9\npath = \"/api\"\n", "path = \"/\"\n")), "");
  EXPECT_EQ(linted(two_locations("priority = 9\npath = \"/a\"\n", "path = \"/ab\"\n")), "");
}

TEST(Lint, FindsLocationsThatGetNoRequest) {
  EXPECT_EQ(linted(two_locations("priority = 9\npath = \"/\"\n", "path = \"/api\"\n")), kShadowed);
  EXPECT_EQ(linted(two_locations("priority = 9\n", "path = \"~^/x\"\n")), kShadowed);
  EXPECT_EQ(linted(two_locations("priority = 9\npath = \"/a\"\n", "path = \"/a/b\"\n")), kShadowed);
  EXPECT_EQ(
      linted(two_locations("priority = 9\npath = \"/\"\n", "path = \"/api\"\nhost = \"x.test\"\n")),
      kShadowed);
}

TEST(Lint, FindsLocationsOfALowPriorityThatGetNoRequest) {
  EXPECT_EQ(linted(two_locations("path = \"/\"\n", "priority = -1\npath = \"/api\"\n")), kShadowed);
}

TEST(Lint, FindsThatTheListHidesLocations) {
  const auto both = [](const std::string& first, const std::string& second) {
    return linted(two_locations("path = \"/x\"\nmethods = " + first + "\n",
                                "path = \"/x\"\nmethods = " + second + "\n"));
  };
  EXPECT_EQ(both(R"(["GET", "PUT"])", R"(["PUT"])"),
            "[locations.b] gets no request in [servers.s]: [locations.a] is listed before it and "
            "matches all of them\n");
  EXPECT_EQ(both(R"(["GET"])", R"(["GET", "PUT"])"), "");
  EXPECT_EQ(both(R"(["GET"])", R"(["PUT"])"), "");
}

TEST(Lint, ConditionsOfTheOneBeforeMayHoldForAllOfTheOther) {
  const auto both = [](const std::string& outer, const std::string& inner) {
    return linted(
        two_locations("priority = 9\n" + outer + "\n", "path = \"/api\"\n" + inner + "\n"));
  };
  EXPECT_EQ(both(R"(methods = ["GET", "PUT"])", R"(methods = ["PUT"])"), kShadowed);
  EXPECT_EQ(both(R"(methods = ["PUT"])", R"(methods = ["GET", "PUT"])"), "");
  EXPECT_EQ(both(R"(match_headers = ["x"])", R"(match_headers = ["x:1", "y"])"), kShadowed);
  EXPECT_EQ(both(R"(match_headers = ["x:2"])", R"(match_headers = ["x:1"])"), "");
  EXPECT_EQ(both(R"(match_headers = ["x:1"])", R"(match_headers = ["x"])"), "");
  EXPECT_EQ(both(R"(match_query = ["q"])", R"(match_headers = ["q"])"), "");
  EXPECT_EQ(both(R"(match_cookies = ["c:1"])", R"(match_cookies = ["c:1"])"), kShadowed);
  EXPECT_EQ(both(R"(host = "a.test,b.test")", R"(host = "b.test")"), kShadowed);
  EXPECT_EQ(both(R"(host = "b.test")", R"(host = "a.test,b.test")"), "");
}

TEST(Lint, ConditionsLetOthersPass) {
  EXPECT_EQ(linted(two_locations("priority = 9\npath = \"/\"\nmethods = [\"POST\"]\n",
                                 "path = \"/api\"\n")),
            "");
  EXPECT_EQ(
      linted(two_locations("priority = 9\npath = \"/\"\nhost = \"x.test\"\n", "path = \"/api\"\n")),
      "");
}

TEST(Lint, FindsServersThatNobodyChecks) {
  const std::string text = linted(
      "[upstreams.u]\naddrs = [\"127.0.0.1:1\", \"127.0.0.1:2\"]\n[locations.a]\nupstream = \"u\"\n"
      "[servers.s]\naddr = \"127.0.0.1:0\"\nlocations = [\"a\"]\n");
  EXPECT_NE(text.find("[upstreams.u] has several servers and no health check"), std::string::npos);
}

TEST(Lint, FindsTrustInEverybody) {
  const std::string text = linted(
      "[upstreams.u]\naddrs = [\"127.0.0.1:1\"]\n[locations.a]\nupstream = \"u\"\n"
      "[servers.s]\naddr = \"127.0.0.1:0\"\nlocations = [\"a\"]\ntrusted_proxies = "
      "[\"0.0.0.0/0\"]\n");
  EXPECT_NE(text.find("everybody is trusted"), std::string::npos);
}

TEST(Lint, FindsPluginsThatNobodyUses) {
  const auto text = [](const std::string& location) {
    return two_locations(location, "path = \"/x\"\n") + "[plugins.p]\ntype = \"mock\"\n";
  };
  EXPECT_EQ(linted(text("")), "no server and no location uses [plugins.p]\n");
  EXPECT_EQ(linted(text("plugins = [\"p\"]\n")), "");
}

std::string linted_ciphers(const std::string& list) {
  Model model;
  model.servers.emplace_back().tls.ciphers.value = list;
  Diagnostics diagnostics;
  lint(model, diagnostics);
  std::string all;
  for (const Diagnostic& one : diagnostics.entries()) {
    all += one.what.substr(0, one.what.find(':')) + "\n";
  }
  return all;
}

TEST(Lint, FindsCiphersThatAreNotSafe) {
  EXPECT_EQ(linted_ciphers(""), "");
  EXPECT_EQ(linted_ciphers("ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:!RC4:-MD5"),
            "");
  EXPECT_EQ(linted_ciphers("AES128-SHA"), "cipher `AES128-SHA` has no forward secrecy\n");
  EXPECT_EQ(linted_ciphers("AES256-GCM-SHA384"),
            "cipher `AES256-GCM-SHA384` has no forward secrecy\n");
  EXPECT_EQ(linted_ciphers("ECDHE-RSA-AES128-SHA"),
            "cipher `ECDHE-RSA-AES128-SHA` is without authenticated encryption (CBC)\n");
  EXPECT_EQ(linted_ciphers("kRSA"), "cipher `kRSA` has no forward secrecy\n");
  EXPECT_EQ(linted_ciphers("!RC4:RC4-SHA"), "cipher `RC4-SHA` can be broken\n");
}

}  // namespace
}  // namespace pingap::config

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

}  // namespace
}  // namespace pingap::config

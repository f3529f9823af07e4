#include "config/difference.h"

#include <gtest/gtest.h>

namespace pingap::config {
namespace {

std::string between(const std::string& before, const std::string& after) {
  Diagnostics diagnostics;
  const std::vector<Text> old{{"a", before}};
  const std::vector<Text> now{{"b", after}};
  const Model a = load(old, diagnostics);
  const Model b = load(now, diagnostics);
  return difference({a, old}, {b, now});
}

constexpr const char* kSome = R"([upstreams.u]
addrs = ["127.0.0.1:1"]
[locations.l]
upstream = "u"
)";

TEST(Difference, OfAConfigurationToItself) {
  EXPECT_EQ(between(kSome, kSome), "");
}

TEST(Difference, APluginThatStaysIsNone) {
  const std::string plugin = R"([plugins.limit]
type = "rate_limit"
max = 1
)";
  EXPECT_EQ(between(plugin, plugin), "");
  EXPECT_EQ(between(plugin, "[plugins.limit]\ntype = 'rate_limit'\nmax = 2\n"),
            "~ plugins.limit\n    max: 1 -> 2\n");
}

TEST(Difference, OrderCommentsAndSpellingAreNone) {
  EXPECT_EQ(between(kSome, R"(# other
[locations.l]
upstream = 'u'   # the same
[upstreams]
u.addrs = [ "127.0.0.1:1", ]
)"),
            "");
}

TEST(Difference, ItemsComeAndGo) {
  EXPECT_EQ(between(kSome, R"([upstreams.u]
addrs = ["127.0.0.1:1"]
[locations.m]
upstream = "u"
)"),
            "+ locations.m\n    + upstream: \"u\"\n- locations.l\n");
}

TEST(Difference, KeysComeGoAndChange) {
  EXPECT_EQ(between(R"([basic]
name = "a"
threads = 2
)",
                    R"([basic]
name = "b"
grace_period = "1s"
)"),
            "~ basic\n    + grace_period: \"1s\"\n    name: \"a\" -> \"b\"\n    - threads: 2\n");
}

TEST(Difference, SecretsAreNotShown) {
  const std::string text = between(R"([upstreams.u]
addrs = ["127.0.0.1:1"]
sticky_cookie = "c"
sticky_secret = "0123456789abcdef0123456789abcdef"
)",
                                   R"([upstreams.u]
addrs = ["127.0.0.1:1"]
sticky_cookie = "c"
sticky_secret = "fedcba9876543210fedcba9876543210"
)");
  EXPECT_EQ(text, "~ upstreams.u\n    sticky_secret: *** -> ***\n");
}

TEST(Difference, SecretsInTextsAreNotShownButTheirChangeIs) {
  const auto text = [](const std::string& bearer) {
    return "[locations.l]\nupstream = \"u\"\nproxy_set_headers = [\"Authorization: " + bearer +
           "\"]\n[upstreams.u]\naddrs = [\"127.0.0.1:1\"]\n";
  };
  EXPECT_EQ(between(text("abc"), text("xyz")),
            "~ locations.l\n    proxy_set_headers: [\"Authorization: ***\"] -> "
            "[\"Authorization: ***\"]\n");
}

}  // namespace
}  // namespace pingap::config

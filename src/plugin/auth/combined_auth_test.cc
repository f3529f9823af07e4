#include <fmt/format.h>

#include "plugin/auth/kinds.h"
#include "plugin/auth/test_plugin.h"
#include "plugin/keyed_digest.h"

namespace pingap::plugin {
namespace {

using test::make;
using test::Request;

constexpr const char* kApps = R"(authorizations = [
  { app_id = "shop", secret = "topsecret", deviation = 60 },
  { app_id = "lan", secret = "topsecret2", ip_list = ["10.0.0.0/8"], deviation = 60 },
  { app_id = "open", secret = "*", ip_list = ["192.0.2.1"] },
]
)";

std::string target(std::string_view id, int64_t time, std::string_view secret) {
  std::string hex;
  for (const uint8_t byte : sha256(fmt::format("{}:{}", secret, time))) {
    hex += fmt::format("{:02x}", byte);
  }
  return fmt::format("/a?app_id={}&ts={}&digest={}", id, time, hex);
}

int status_of(const Plugin& it, const std::string& target, const char* ip = "192.0.2.9") {
  Request request(target);
  request.x.client_ip = *IpAddress::parse(ip);
  return request.run(it);
}

constexpr int64_t kNow = 1'700'000'000;

TEST(CombinedAuth, WhoKnowsTheSecretPassesInTime) {
  const auto it = make(kCombinedAuth, kApps).plugin;
  for (const int64_t off : {-60, 0, 60}) {
    EXPECT_EQ(status_of(*it, target("shop", kNow + off, "topsecret")), 0) << off;
  }
  for (const int64_t off : {-61, 61}) {
    EXPECT_EQ(status_of(*it, target("shop", kNow + off, "topsecret")), 401) << off;
  }
  const std::string good = target("shop", kNow, "topsecret");
  for (const std::string& wrong :
       {target("shop", kNow, "topsecret2"), target("Shop", kNow, "topsecret"),
        target("lan", kNow, "topsecret"), target("", kNow, "topsecret"), good.substr(0, 60),
        good + "0", good.substr(0, good.find('?')), good.substr(0, good.find("&digest")),
        std::string("/a?app_id=shop&ts=-1&digest=00"), std::string("/a?app_id=*")}) {
    EXPECT_EQ(status_of(*it, wrong), 401) << wrong;
  }
  EXPECT_EQ(status_of(*it, good + "&app_id=shop"), 400);
  EXPECT_EQ(status_of(*it, good + "&%74s=1"), 400);
}

TEST(CombinedAuth, TheAddressMustBeOneOfTheApplication) {
  const auto it = make(kCombinedAuth, kApps).plugin;
  EXPECT_EQ(status_of(*it, target("lan", kNow, "topsecret2"), "10.1.2.3"), 0);
  EXPECT_EQ(status_of(*it, target("lan", kNow, "topsecret2"), "11.1.2.3"), 401);
  EXPECT_EQ(status_of(*it, "/?app_id=open", "192.0.2.1"), 0);
  EXPECT_EQ(status_of(*it, "/?app_id=open", "192.0.2.2"), 401);
}

TEST(CombinedAuth, TellsTheBackendWhoItIs) {
  const auto it = make(kCombinedAuth, std::string(kApps) +
                                          "hide_credentials = true\n"
                                          "set_headers = { X-App = \"$auth_app_id\" }")
                      .plugin;
  Request request(target("shop", kNow, "topsecret") + "&x=1");
  ASSERT_EQ(request.with("X-App", "root").run(*it), 0);
  EXPECT_EQ(request.sent("x-app"), "shop");
  EXPECT_EQ(request.x.uri.target, "/a?x=1");
}

TEST(CombinedAuth, RefusesAConfigurationThatWouldLetAnybodyIn) {
  for (const char* list :
       {"", "\"x\"", "{ app_id = \"a\" }", "{ secret = \"topsecret\", deviation = 1 }",
        "{ app_id = \"a\", secret = \"\", deviation = 1 }",
        "{ app_id = \"a\", secret = \"topsecret\" }", "{ app_id = \"a\", secret = \"*\" }",
        "{ app_id = \"a\", secret = \"topsecret\", deviation = 0 }",
        "{ app_id = \"a\", secret = \"topsecret\", deviation = 1, ip_list = [\"x\"] }",
        "{ app_id = \"a\", secret = \"topsecret\", deviation = 1, other = 1 }",
        "{ app_id = \"a\", secret = \"x\", deviation = 1 }, { app_id = \"a\", secret = \"y\", "
        "deviation = 1 }"}) {
    const auto made = make(kCombinedAuth, fmt::format("authorizations = [{}]", list));
    EXPECT_NE(made.errors, "") << list;
    EXPECT_EQ(made.errors.find("topsecret"), std::string::npos) << made.errors;
  }
}

}  // namespace
}  // namespace pingap::plugin

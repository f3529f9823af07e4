#include "plugin/auth/kinds.h"
#include "plugin/auth/test_plugin.h"

namespace pingap::plugin {
namespace {

using test::make;
using test::Request;

constexpr const char* kKeys = R"(
keys = ["first-key", { key = "second-key", name = "second", plan = "gold" },
        { key = "sha256:c3459480502070372835c7c5cc038c81d457d1fe08de10d76fb5bbb4b7d6af8c", name = "third" }]
)";

std::shared_ptr<const Plugin> plugin(const std::string& more = "") {
  auto made = make(kApiKey, kKeys + more);
  EXPECT_EQ(made.errors, "");
  return made.plugin;
}

TEST(ApiKey, OnlyTheExactKeyPasses) {
  const auto it = plugin();
  for (const char* wrong : {"", "first-ke", "first-keyx", "FIRST-KEY", "first-key ", "second",
                            "c3459480502070372835c7c5cc038c81d457d1fe08de10d76fb5bbb4b7d6af8c"}) {
    Request request;
    EXPECT_EQ(request.with("X-API-Key", wrong).run(*it), 401) << wrong;
    EXPECT_EQ(request.answered("www-authenticate"), "ApiKey realm=\"pingap\"");
    EXPECT_TRUE(request.answer.page);
  }
  EXPECT_EQ(Request().with("X-API-Key", "first-key").run(*it), 0);
  EXPECT_EQ(Request().with("x-api-key", "second-key").run(*it), 0);
}

TEST(ApiKey, LooksOnlyWhereItIsTold) {
  const auto header = plugin();
  EXPECT_EQ(Request("/?X-API-Key=first-key").run(*header), 401);
  EXPECT_EQ(Request().with("Cookie", "X-API-Key=first-key").run(*header), 401);
  EXPECT_EQ(Request().with("X_API_Key", "first-key").run(*header), 401);
  const auto query = plugin("query = \"k\"");
  EXPECT_EQ(Request("/?k=first-key").run(*query), 0);
  EXPECT_EQ(Request("/?k=first%2Dkey").run(*query), 0);
  EXPECT_EQ(Request("/?%6b=first-key").run(*query), 0);
  EXPECT_EQ(Request().with("k", "first-key").run(*query), 401);
  const auto cookie = plugin("cookie = \"k\"");
  EXPECT_EQ(Request().with("Cookie", "a=b; k=first-key").run(*cookie), 0);
  EXPECT_EQ(Request().with("Cookie", "a=b; K=first-key").run(*cookie), 401);
}

TEST(ApiKey, RefusesTwo) {
  const auto header = plugin();
  EXPECT_EQ(Request().with("X-API-Key", "first-key").with("X-API-Key", "first-key").run(*header),
            400);
  const auto query = plugin("query = \"k\"");
  EXPECT_EQ(Request("/?k=first-key&%6b=second-key").run(*query), 400);
  const auto cookie = plugin("cookie = \"k\"");
  EXPECT_EQ(Request().with("Cookie", "k=first-key; k=x").run(*cookie), 400);
}

TEST(ApiKey, TakesAHashedKey) {
  const auto it = plugin();
  Request request;
  EXPECT_EQ(request.with("X-API-Key", "third-key").run(*it), 0);
  EXPECT_EQ(request.known("name"), "third");
}

TEST(ApiKey, TheBackendSeesWhoItIsAndNotTheKey) {
  const auto it = plugin("set_headers = { X-Client = \"$auth_name\", X-Plan = \"$auth_plan\" }");
  Request request;
  request.with("X-API-Key", "second-key").with("X-Client", "root").with("X_Client", "root");
  ASSERT_EQ(request.run(*it), 0);
  EXPECT_EQ(request.sent("x-api-key"), "");
  EXPECT_EQ(request.sent("x-client"), "second");
  EXPECT_EQ(request.sent("x_client"), "");
  EXPECT_EQ(request.sent("x-plan"), "gold");
  EXPECT_EQ(request.known("name"), "second");
  EXPECT_EQ(request.known("key"), "");
  Request nameless;  // a key without a name leaves no room for the client's
  nameless.with("X-API-Key", "first-key").with("X-Client", "root");
  ASSERT_EQ(nameless.run(*it), 0);
  EXPECT_EQ(nameless.sent("x-client"), "");
}

TEST(ApiKey, TakesTheKeyOutOfTheTarget) {
  const auto it = plugin("query = \"k\"");
  for (const auto& [from, to] : {std::pair{"/a?k=first-key", "/a"},
                                 {"/a?x=1&k=first-key&y=2", "/a?x=1&y=2"},
                                 {"/a?k=first-key&y=2", "/a?y=2"},
                                 {"/a?x=1&%6B=first-key", "/a?x=1"},
                                 {"/a?&k=first-key", "/a?"},
                                 {"/?kk=1&k=first-key&k2", "/?kk=1&k2"}}) {
    Request request(from);
    ASSERT_EQ(request.run(*it), 0) << from;
    EXPECT_EQ(request.x.uri.target, to);
    EXPECT_EQ(request.x.uri.query.size(),
              request.x.uri.has_query
                  ? std::string_view(to).size() - std::string_view(to).find('?') - 1
                  : 0);
    EXPECT_EQ(request.x.uri.path,
              std::string_view(from).substr(0, std::string_view(from).find('?')));
  }
}

TEST(ApiKey, TakesTheKeyOutOfTheCookies) {
  const auto it = plugin("cookie = \"k\"");
  Request request;
  request.with("Cookie", "a=1; k=first-key; b=2");
  ASSERT_EQ(request.run(*it), 0);
  EXPECT_EQ(request.sent("cookie"), "a=1; b=2");
  Request only;
  only.with("Cookie", "k=first-key");
  ASSERT_EQ(only.run(*it), 0);
  EXPECT_EQ(only.x.request.headers.find("cookie"), nullptr);
}

TEST(ApiKey, LeavesTheKeyWhereItIsTold) {
  const auto it = plugin("hide_credentials = false");
  Request request;
  ASSERT_EQ(request.with("X-API-Key", "first-key").run(*it), 0);
  EXPECT_EQ(request.sent("x-api-key"), "first-key");
}

TEST(ApiKey, RefusesAfterAPause) {
  const auto it = plugin("delay = \"250ms\"");
  Request request;
  ASSERT_EQ(request.with("X-API-Key", "wrong").run(*it), -1);
  EXPECT_EQ(request.paused, std::chrono::milliseconds(250));
  EXPECT_EQ(request.resume(*it), 401);
  EXPECT_EQ(Request().with("X-API-Key", "first-key").run(*it), 0);
}

TEST(ApiKey, RefusesAConfigurationThatWouldLetAnybodyIn) {
  for (const char* options :
       {"", "keys = []", "keys = [\"\"]", "keys = [{ name = \"a\" }]", "keys = [\"sha256:12\"]",
        "keys = [1]", "keys = \"a\"", "keys = [\"a\", \"a\"]", "keys = [{ key = \"\" }]",
        "keys = [\"a\"]\nheader = \"x\"\nquery = \"y\"", "keys = [\"a\"]\nheader = \"x y\"",
        "keys = [\"a\"]\nrealm = 'a\"b'", "keys = [{ key = \"a\", name = 1 }]"}) {
    EXPECT_NE(make(kApiKey, options).errors, "") << options;
  }
}

TEST(ApiKey, ErrorsDoNotShowKeys) {
  const auto made = make(kApiKey, "keys = [\"topsecret\", \"topsecret\"]");
  EXPECT_EQ(made.errors.find("topsecret"), std::string::npos) << made.errors;
  EXPECT_NE(made.errors.find("twice"), std::string::npos);
}

TEST(ApiKey, TheLogIsToldWhatToHide) {
  const auto it = plugin("query = \"k\"");
  Request request("/?k=wrong");
  ASSERT_EQ(request.run(*it), 401);
  ASSERT_NE(request.x.secrets, nullptr);
  EXPECT_EQ(request.x.secrets->name, "k");
}

}  // namespace
}  // namespace pingap::plugin

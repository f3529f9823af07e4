#include "plugin/test_plugin.h"
#include "plugin/transform/kinds.h"

namespace pingap::plugin {
namespace {

std::string location(const Made& made, const std::string& target, std::string_view scheme = "http",
                     std::string_view authority = "a.test") {
  Asked asked(target);
  asked.x.scheme = scheme;
  asked.x.request.authority = authority;
  asked.x.request.host = authority.substr(0, authority.rfind(':'));
  asked.x.host = http::normalize_host(asked.x.request.host, asked.x.arena);
  return asked.ask(*made) == Verdict::respond ? asked.answered("location") : "-";
}

TEST(Redirect, GoesToHttps) {
  const Made made(kRedirect, "http_to_https = true");
  EXPECT_EQ(location(made, "/x?y=1"), "https://a.test/x?y=1");
  EXPECT_EQ(location(made, "/x", "http", "a.test:8080"), "https://a.test/x");
  EXPECT_EQ(location(made, "/x", "https"), "-");
  const Made port(kRedirect, "http_to_https = true\nhttps_port = 8443\nstatus = 301");
  EXPECT_EQ(location(port, "/x", "http", "a.test:8080"), "https://a.test:8443/x");
}

// The original goes back to http with nothing but a prefix, and loses the port.
TEST(Redirect, KeepsSchemeAndPortWithAPrefix) {
  const Made made(kRedirect, "prefix = \"/app\"");
  EXPECT_EQ(location(made, "/x?y", "https", "a.test:8443"), "https://a.test:8443/app/x?y");
  EXPECT_EQ(location(made, "/app/x"), "-");
  EXPECT_EQ(location(made, "/app"), "-");
  EXPECT_EQ(location(made, "/apple"), "http://a.test/app/apple");
  const Made other(kRedirect, "prefix = \"//%61pp/\"");
  EXPECT_EQ(location(other, "/x"), "http://a.test/app/x");
  EXPECT_EQ(location(other, "/app/x"), "-");
  EXPECT_EQ(location(other, "/app"), "-");
}

TEST(Redirect, GoesToAnotherHost) {
  const Made made(kRedirect, "host = \"www.a.test\"");
  EXPECT_EQ(location(made, "/x", "https"), "https://www.a.test/x");
  EXPECT_EQ(location(made, "/x", "https", "www.a.test"), "-");
}

TEST(Redirect, KeepsThePortThatNoHostNames) {
  const Made made(kRedirect, "host = \"www.a.test\"");
  EXPECT_EQ(location(made, "/x", "http", "www.a.test:8080"), "-");
  EXPECT_EQ(location(made, "/x", "http", "WWW.A.Test.:8080"), "-");
  EXPECT_EQ(location(made, "/x", "http", "a.test:8080"), "http://www.a.test:8080/x");
  EXPECT_EQ(location(made, "/x", "http", "[::1]:8080"), "http://www.a.test:8080/x");
  const Made port(kRedirect, "host = \"www.a.test:8443\"");
  EXPECT_EQ(location(port, "/x", "https", "www.a.test"), "https://www.a.test:8443/x");
  EXPECT_EQ(location(port, "/x", "https", "www.a.test:8443"), "-");
  // Browsers leave out the port of the scheme: it is there all the same.
  EXPECT_EQ(location(Made(kRedirect, "host = \"a.test:443\""), "/x", "https"), "-");
  const Made secure(kRedirect, "host = \"www.a.test\"\nhttp_to_https = true");
  EXPECT_EQ(location(secure, "/x", "http", "a.test:8080"), "https://www.a.test/x");
  EXPECT_EQ(location(secure, "/x", "https", "a.test:8443"), "https://www.a.test:8443/x");
}

TEST(Redirect, WarnsOfAPortOfNothing) {
  EXPECT_EQ(Made(kRedirect, "host = \"a.test\"\nhttps_port = 8443").warnings(),
            "4:1 `https_port` does nothing without `http_to_https`\n");
}

TEST(Redirect, GoesWhereAPatternSays) {
  const Made made(kRedirect, R"(regex = "^/old/(\\w+)/(\\w+)$"
to = "/new/$2/$1")");
  EXPECT_EQ(location(made, "/old/a/b?q=1"), "/new/b/a?q=1");
  EXPECT_EQ(location(made, "/other"), "-");
  const Made url(kRedirect, R"(regex = "^/(.*)$"
to = "https://b.test/$1")");
  EXPECT_EQ(location(url, "/x/y"), "https://b.test/x/y");
}

// No path of a client's choice becomes a host.
TEST(Redirect, NeverLeadsToAHostThatTheClientChose) {
  const Made made(kRedirect, R"(regex = "^/go/(.*)$"
to = "/$1")");
  Asked asked("/go/%2fevil.test/");
  asked.x.uri.path = "/go//evil.test/";
  EXPECT_EQ(asked.ask(*made), Verdict::respond);
  EXPECT_EQ(asked.answer.status, 400);
  EXPECT_TRUE(Made(kRedirect, "regex = \"^/(.*)\"\nto = \"https://b.test$1\"").failed());
  EXPECT_TRUE(Made(kRedirect, "regex = \"^/(.*)\"\nto = \"//b.test/\"").failed());
}

TEST(Redirect, IsNotMadeOfNonsense) {
  for (const char* bad : {"", "regex = \"^/a\"", "to = \"/a\"", "regex = \"(\"\nto = \"/a\"",
                          "regex = \"^/a\"\nto = \"/$1\"", "http_to_https = true\nstatus = 304",
                          "http_to_https = true\nregex = \"^/a\"\nto = \"/b\"", "prefix = \"app\"",
                          "host = \"a b\"", "host = \"*.a.test\"", "host = \"a.test:99999\"",
                          "host = \"unix:/x\"", "prefix = \"/\"", "prefix = \"/a b\""}) {
    EXPECT_TRUE(Made(kRedirect, bad).failed()) << bad;
  }
}

std::string rewritten(const Made& made, const std::string& target) {
  Asked asked(target);
  return asked.ask(*made) == Verdict::next ? std::string(asked.x.uri.target) : "-";
}

TEST(Rewrite, ChangesThePath) {
  const Made made(kRewrite, R"(regex = "^/v1/(.*)$"
to = "/v2/$1")");
  EXPECT_EQ(rewritten(made, "/v1/a/b?q=1"), "/v2/a/b?q=1");
  EXPECT_EQ(rewritten(made, "/other?q"), "/other?q");
  const Made query(kRewrite, R"(regex = "^/user/(\\d+)$"
to = "/index?id=$1")");
  EXPECT_EQ(rewritten(query, "/user/7?x=1"), "/index?id=7");
}

TEST(Rewrite, ChangesParametersOfTheQuery) {
  const Made made(kRewrite, R"(set_query = ["a: 1"]
remove_query = ["b"])");
  EXPECT_EQ(rewritten(made, "/x?b=2&c=3&a=9&%62=4"), "/x?c=3&a=1");
  EXPECT_EQ(rewritten(made, "/x"), "/x?a=1");
}

TEST(Rewrite, ChangesTheHost) {
  const Made made(kRewrite, "host = \"b.test:8080\"");
  Asked asked("/x");
  EXPECT_EQ(asked.ask(*made), Verdict::next);
  EXPECT_EQ(asked.x.request.authority, "b.test:8080");
  EXPECT_EQ(asked.x.host, "b.test");
}

TEST(Rewrite, TakesAnAddressAsHost) {
  for (const auto& [text, name] : {std::pair{"[::1]", "[::1]"}, {"[::1]:8080", "[::1]"}}) {
    const Made made(kRewrite, "host = \"" + std::string(text) + "\"");
    Asked asked("/x");
    EXPECT_EQ(asked.ask(*made), Verdict::next);
    EXPECT_EQ(asked.x.request.authority, text);
    EXPECT_EQ(asked.x.request.host, name);
    EXPECT_EQ(asked.x.host, name);
  }
  for (const char* bad : {"*.a.test", "~a", "[::1", "a:b"}) {
    EXPECT_TRUE(Made(kRewrite, "host = \"" + std::string(bad) + "\"").failed()) << bad;
  }
}

TEST(Rewrite, WarnsThatItChangesNothing) {
  EXPECT_EQ(Made(kRewrite, "").warnings(), "1:10 a rewrite that changes nothing\n");
  EXPECT_EQ(Made(kRewrite, "host = \"a.test\"").warnings(), "");
}

TEST(Rewrite, MakesOnlyPathsThatMayBe) {
  const Made made(kRewrite, R"(regex = "^/a/(.*)$"
to = "/$1")");
  Asked asked("/a/x");
  asked.x.uri.path = "/a/../secret";
  EXPECT_EQ(asked.ask(*made), Verdict::respond);
  EXPECT_TRUE(Made(kRewrite, "regex = \"^/a\"\nto = \"a\"").failed());
}

TEST(ResponseHeaders, EditsInItsOrder) {
  const Made made(kResponseHeaders, R"(remove = ["X-Gone"]
rename = ["X-Old: X-New"]
set = ["X-Set: $status"]
set_if_missing = ["X-Set: never", "X-Missing: here"]
add = ["X-Add: 1", "X-Add: 2"])");
  Asked asked;
  for (const auto& [name, value] :
       {std::pair{"X-Gone", "1"}, {"X-Old", "o"}, {"x-set", "1"}, {"X-Set", "2"}}) {
    asked.x.response.headers.add(std::string_view(name), std::string_view(value));
  }
  asked.x.status = 201;
  asked.respond(*made, 201);
  EXPECT_EQ(asked.got("x-gone"), "");
  EXPECT_EQ(asked.got("x-old"), "");
  EXPECT_EQ(asked.got("x-new"), "o");
  EXPECT_EQ(asked.got("x-set"), "201");
  EXPECT_EQ(asked.got("x-missing"), "here");
  EXPECT_EQ(asked.got("x-add"), "1");
}

TEST(ResponseHeaders, LooksAtTheStatus) {
  const Made made(kResponseHeaders, "set = [\"X-A: 1\"]\nstatus = [\"5xx\", \"404\"]");
  for (const auto& [status, value] : {std::pair{200, ""}, {404, "1"}, {503, "1"}, {403, ""}}) {
    Asked asked;
    asked.respond(*made, static_cast<uint16_t>(status));
    EXPECT_EQ(asked.got("x-a"), value) << status;
  }
}

TEST(RequestHeaders, LeavesNoTwinOfWhatItSets) {
  const Made made(kRequestHeaders, "set = [\"X-User: ours\"]\nremove = [\"X-Role\"]");
  Asked asked("/", {{"X_User", "evil"}, {"x-user", "evil"}, {"x_role", "admin"}, {"X-Other", "1"}});
  EXPECT_EQ(asked.ask(*made), Verdict::next);
  EXPECT_EQ(asked.sent("x-user"), "ours");
  size_t count = 0;
  for (const http::Field& field : asked.x.request.headers.fields()) {
    count += field.removed() ? 0U : 1U;
  }
  EXPECT_EQ(count, 2u);
}

TEST(Headers, AreWarnedOfWhereNoneIsEdited) {
  for (const Kind* kind : {&kRequestHeaders, &kResponseHeaders}) {
    EXPECT_EQ(Made(*kind, "").warnings(), "1:10 a plugin that edits no field\n");
    EXPECT_EQ(Made(*kind, "remove = [\"X-A\"]").warnings(), "");
  }
}

TEST(Headers, CannotEditWhatFramesAMessage) {
  for (const char* bad : {"set = [\"Content-Length: 1\"]", "remove = [\"Connection\"]",
                          "set = [\"Host: a\"]", "rename = [\"X-A: Transfer-Encoding\"]",
                          "set = [\"X-A\"]", "rename = [\"X-A\"]", "set = [\"X-A: $nobody\"]"}) {
    EXPECT_TRUE(Made(kRequestHeaders, bad).failed()) << bad;
  }
}

}  // namespace
}  // namespace pingap::plugin

// security.md CS-01 to CS-07.
#include <fmt/format.h>

#include "plugin/auth/test_plugin.h"
#include "plugin/security/kinds.h"

namespace pingap::plugin {
namespace {

using test::make;
using test::Request;

constexpr const char* kKey = "key = \"0123456789abcdef0123456789abcdef\"\n";

std::shared_ptr<const Plugin> plugin(const std::string& more = "") {
  auto made = make(kCsrf, kKey + ("token_path = \"/csrf\"\nsession_cookie = \"sid\"\n" + more));
  EXPECT_EQ(made.errors, "");
  return made.plugin;
}

struct Site : Request {
  explicit Site(std::string_view method = "POST", std::string_view target = "/buy",
                std::string_view host = "a.test")
      : Request(target, method) {
    x.scheme = "https";
    x.host = host;
    x.request.authority = host;
  }
};

std::string cookie_of(const Site& site) {
  const std::string all = site.answered("set-cookie");
  return std::string(all.substr(0, all.find(';')));
}

// A token for that session and host.
std::string token_for(const Plugin& it, const std::string& session, const char* host = "a.test",
                      std::chrono::seconds later = {}) {
  Site site("GET", "/csrf", host);
  site.wall += later;
  site.with("Cookie", "sid=" + session);
  EXPECT_EQ(site.run(it), 200);
  const std::string cookie = cookie_of(site);
  return cookie.substr(cookie.find('=') + 1);
}

int post(const Plugin& it, const std::string& header, const std::string& cookie,
         const std::string& session = "s1", std::string_view host = "a.test") {
  Site site("POST", "/buy", host);
  if (!header.empty()) {
    site.with("X-CSRF-Token", header);
  }
  site.with("Cookie", "sid=" + session + (cookie.empty() ? "" : "; __Host-csrf=" + cookie));
  return site.run(it);
}

TEST(Csrf, GivesATokenThatIsGood) {
  const auto it = plugin();
  Site site("GET", "/csrf");
  ASSERT_EQ(site.with("Cookie", "sid=s1").run(*it), 200);
  EXPECT_EQ(site.answered("cache-control"), "no-store");  // CS-06
  const std::string cookie = site.answered("set-cookie");
  EXPECT_TRUE(cookie.starts_with("__Host-csrf="));
  EXPECT_TRUE(cookie.ends_with("; Path=/; SameSite=Lax; Secure; Max-Age=43200"));
  const std::string token = token_for(*it, "s1");
  EXPECT_EQ(post(*it, token, token), 0);
  EXPECT_NE(token_for(*it, "s1"), token);
}

TEST(Csrf, WhatChangesNothingPasses) {
  const auto it = plugin();
  for (const char* method : {"GET", "HEAD", "OPTIONS"}) {
    EXPECT_EQ(Site(method).run(*it), 0) << method;
  }
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE", "get", "PROPFIND"}) {
    EXPECT_EQ(Site(method).run(*it), 403) << method;
  }
}

// CS-01
TEST(Csrf, RefusesOtherTokens) {
  const auto it = plugin();
  const std::string good = token_for(*it, "s1");
  const std::string other = token_for(*it, "s1");
  EXPECT_EQ(post(*it, "", ""), 403);
  EXPECT_EQ(post(*it, "", good), 403);
  EXPECT_EQ(post(*it, good, ""), 403);
  EXPECT_EQ(post(*it, good, other), 403);
  for (size_t i = 0; i < good.size(); ++i) {
    std::string forged = good;
    forged[i] = forged[i] == 'A' ? 'B' : 'A';
    EXPECT_EQ(post(*it, forged, forged), 403) << i;
  }
  for (const std::string& wrong :
       {good.substr(1), good + "A", good + "=", std::string(76, 'A'), std::string("x"),
        std::string(4096, 'A'), std::string(76, '+')}) {
    EXPECT_EQ(post(*it, wrong, wrong), 403) << wrong;
  }
  EXPECT_EQ(post(*it, good, good, "s2"), 403);
  EXPECT_EQ(post(*it, good, good, ""), 403);
  EXPECT_EQ(post(*it, good, good, "s1", "b.test"), 403);
  const auto another_key =
      make(kCsrf,
           "key = \"X123456789abcdef0123456789abcdef\"\ntoken_path = \"/csrf\"\n"
           "session_cookie = \"sid\"")
          .plugin;
  EXPECT_EQ(post(*another_key, good, good), 403);
}

TEST(Csrf, RefusesOldTokens) {
  const auto it = plugin();
  using std::chrono::seconds;
  for (const auto& [later, status] : {std::pair{seconds(-43'200), 0},
                                      {seconds(-43'201), 403},
                                      {seconds(60), 0},
                                      {seconds(61), 403}}) {
    const std::string token = token_for(*it, "s1", "a.test", later);
    EXPECT_EQ(post(*it, token, token), status) << later.count();
  }
}

// CS-02
TEST(Csrf, LooksAtTheOrigin) {
  const auto own = plugin();
  const auto listed = plugin("origins = [\"https://b.test\"]\nrequire_origin = true");
  const auto with = [](const Plugin& it,
                       const std::vector<std::pair<const char*, const char*>>& fields) {
    const std::string token = token_for(it, "s1");
    Site site;
    site.with("X-CSRF-Token", token).with("Cookie", "sid=s1; __Host-csrf=" + token);
    for (const auto& [name, value] : fields) {
      site.with(name, value);
    }
    return site.run(it);
  };
  EXPECT_EQ(with(*own, {}), 0);
  EXPECT_EQ(with(*listed, {}), 403);
  EXPECT_EQ(with(*own, {{"Origin", "https://a.test"}}), 0);
  EXPECT_EQ(with(*own, {{"Origin", "HTTPS://A.TEST"}}), 0);
  for (const char* origin :
       {"null", "https://a.test.evil.test", "http://a.test", "https://a.test:444", "https://a.tes",
        "https://a.test/", "", "a.test", "https://xa.test", "https://a.test@evil.test"}) {
    EXPECT_EQ(with(*own, {{"Origin", origin}}), 403) << origin;
  }
  EXPECT_EQ(with(*own, {{"Origin", "https://a.test"}, {"Origin", "https://a.test"}}), 403);
  EXPECT_EQ(with(*listed, {{"Origin", "https://b.test"}}), 0);
  EXPECT_EQ(with(*listed, {{"Origin", "https://a.test"}}), 403);
  EXPECT_EQ(with(*own, {{"Origin", "https://a.test:443"}}), 0);
  EXPECT_EQ(with(*own, {{"Referer", "https://a.test:443/page"}}), 0);
  EXPECT_EQ(with(*own, {{"Origin", "https://a.test:80"}}), 403);
  EXPECT_EQ(with(*listed, {{"Origin", "https://b.test:443"}}), 0);
  EXPECT_EQ(with(*own, {{"Referer", "https://a.test/page?x=https://b"}}), 0);
  EXPECT_EQ(with(*own, {{"Referer", "https://a.test"}}), 0);
  EXPECT_EQ(with(*own, {{"Referer", "https://evil.test/https://a.test/"}}), 403);
  EXPECT_EQ(with(*own, {{"Referer", "https://a.test.evil.test/"}}), 403);
  EXPECT_EQ(with(*own, {{"Referer", "/page"}}), 403);
  EXPECT_EQ(with(*own, {{"Sec-Fetch-Site", "cross-site"}}), 403);
  EXPECT_EQ(with(*own, {{"Sec-Fetch-Site", "same-site"}}), 0);
  EXPECT_EQ(with(*own, {{"Sec-Fetch-Site", "same-origin"}, {"Origin", "https://a.test"}}), 0);
  EXPECT_EQ(with(*plugin("allow_same_site = false"), {{"Sec-Fetch-Site", "same-site"}}), 403);
}

// CS-03
// The port that a scheme has anyhow is the same as none.
TEST(Csrf, KnowsDefaultPorts) {
  const auto it = plugin();
  for (const auto& [scheme, authority, origin, status] :
       {std::tuple{"http", "a.test:80", "http://a.test", 0},
        {"http", "a.test", "http://a.test:80", 0},
        {"https", "a.test:443", "https://a.test", 0},
        {"http", "[::80]", "http://[::80]", 0},
        {"http", "a.test:443", "http://a.test", 403},
        {"https", "a.test:80", "https://a.test", 403},
        {"http", "a.test:8080", "http://a.test:80", 403},
        {"http", "", "http://", 403},
        {"http", ":80", "http://", 403}}) {
    const std::string token = token_for(*it, "s1");
    Site site("POST", "/buy", "a.test");
    site.x.scheme = scheme;
    site.x.request.authority = authority;
    site.with("X-CSRF-Token", token).with("Cookie", "sid=s1; __Host-csrf=" + token);
    EXPECT_EQ(site.with("Origin", origin).run(*it), status) << scheme << authority << origin;
  }
}

TEST(Csrf, ACookieOfAnotherHostIsNoCookie) {
  const auto it = plugin();
  const std::string good = token_for(*it, "s1");
  EXPECT_EQ(post(*it, good, good + "; __Host-csrf=x"), 403);
  EXPECT_EQ(post(*it, good, "x; __Host-csrf=" + good), 403);
  Site site;
  site.with("X-CSRF-Token", good).with("Cookie", "sid=s1; csrf=" + good);
  EXPECT_EQ(site.run(*it), 403);
  Site apart;  // as HTTP/2 may send it
  apart.with("X-CSRF-Token", good).with("Cookie", "sid=s1").with("Cookie", "__Host-csrf=" + good);
  EXPECT_EQ(apart.run(*it), 0);
}

// CS-04
TEST(Csrf, AnotherMethodInAHeaderChangesNothing) {
  const auto it = plugin();
  Site get("GET", "/buy?_method=delete");
  EXPECT_EQ(get.with("X-HTTP-Method-Override", "DELETE").run(*it), 0);
  EXPECT_EQ(get.x.request.method, http::Method::get);
  Site hidden("POST");
  EXPECT_EQ(hidden.with("X-HTTP-Method-Override", "GET").run(*it), 403);
}

// CS-05
TEST(Csrf, LooksAtHandshakesAndPlainText) {
  const auto it = plugin();
  Site plain;
  EXPECT_EQ(plain.with("Content-Type", "text/plain").run(*it), 403);
  for (const auto& [origin, status] :
       {std::pair{"https://a.test", 0}, {"https://evil.test", 403}, {"null", 403}}) {
    Site handshake("GET");
    handshake.x.request.websocket = true;
    EXPECT_EQ(handshake.with("Origin", origin).run(*it), status) << origin;
  }
}

// CS-07
TEST(Csrf, RefusesAConfigurationThatIsNotSafe) {
  const std::string good = kKey;
  for (const auto& [options, why] : std::vector<std::pair<std::string, std::string>>{
           {"token_path = \"/t\"", "needs `key`"},
           {"key = \"\"\ntoken_path = \"/t\"", ""},
           {"key = \"topsecret9012345678901234567890\"\ntoken_path = \"/t\"", "31 bytes"},
           {good, "needs `token_path`"},
           {good + "token_path = \"t\"", "a path starts with `/`"},
           {good + "token_path = \"/../t\"", "is not the path of a URL"},
           {good + "token_path = \"/t\"\nsecure = false", "must be `secure`"},
           {good + "token_path = \"/t\"\nsecure = false\ncookie = \"c\"\nsame_site = \"none\"",
            "needs `secure`"},
           {good + "token_path = \"/t\"\norigins = [\"a.test\"]", ""},
           {good + "token_path = \"/t\"\nname = \"x y\"", "not a header"},
       }) {
    const auto made = make(kCsrf, options);
    EXPECT_NE(made.errors, "") << options;
    EXPECT_NE(made.errors.find(why), std::string::npos) << made.errors;
    EXPECT_EQ(made.errors.find("topsecret"), std::string::npos) << made.errors;
  }
  EXPECT_EQ(make(kCsrf, good + "token_path = \"/t\"\nsecure = false\ncookie = \"c\"").errors, "");
}

}  // namespace
}  // namespace pingap::plugin

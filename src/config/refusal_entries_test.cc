// What entries may not say: of themselves, and of each other.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "config/loader.h"
#include "config/loader_fixture.h"

namespace pingap::config {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace): helpers of these tests

TEST(Loader, RefusesUpstreamsThatCannotWork) {
  const auto upstream = [](const std::string& keys) {
    const auto [model, diagnostics] =
        load_text("[upstreams.u]\n" + keys +
                  "\n[locations.l]\nupstream = 'u'\n[servers.s]\naddr "
                  "= '127.0.0.1'\nlocations = ['l']\n");
    return messages(diagnostics);
  };
  EXPECT_EQ(upstream(""), "t:1:12: error: [upstreams.u] needs `addrs`\n");
  EXPECT_EQ(upstream("addrs = []"), "t:2:9: error: `addrs` is empty; at least one address\n");
  EXPECT_EQ(upstream("addrs = ''"), "t:2:9: error: an empty string in `addrs`\n");
  EXPECT_EQ(upstream("addrs = ','"), "t:2:9: error: nothing but commas in `addrs`\n");
  EXPECT_EQ(upstream("addrs = ['a', 'b:0']"), "t:2:15: error: `0` is not a port; 1 to 65535\n");
  EXPECT_EQ(
      upstream("addrs = ['a', 'b']\nweights = [1]"),
      "t:3:11: error: 1 weights for 2 addresses; one weight per address, in the same order\n");
  EXPECT_EQ(upstream("addrs = ['a']\nweights = [1001]"),
            "t:3:12: error: `weights` is out of range: 1001; 0 to 1000\n");
  EXPECT_EQ(upstream("addrs = ['a', 'b']\nweights = [0, 1]"), "");
  EXPECT_EQ(upstream("addrs = ['a', 'b']\nweights = [0, 0]"),
            "t:3:11: error: every weight is 0: no address would get a request\n");
  EXPECT_EQ(upstream("addrs = ['a 0']"),
            "t:2:10: error: every weight is 0: no address would get a request\n");
  EXPECT_EQ(upstream("addrs = ['a -1']"), "t:2:10: error: `-1` is not a weight; 0 to 1000\n");
  EXPECT_EQ(upstream("addrs = ['a 2']\nweights = [2]"),
            "t:2:10: error: a weight here and in `weights`; keep `weights`\n");
  EXPECT_EQ(upstream("addrs = ['a', 'A:80']"),
            "t:2:15: warning: `a:80` is in this upstream twice; give it a weight instead\n");
  EXPECT_EQ(
      upstream("addrs = ['a']\nalgorithm = 'hash'"),
      "t:3:13: error: algorithm \"hash\" needs to know what to hash on; set hash_key to \"ip\", "
      "\"url\", \"path\", \"header:NAME\", \"cookie:NAME\" or \"query:NAME\"\n");
  EXPECT_EQ(upstream("addrs = ['a']\nhash_key = 'ip'"),
            "t:3:12: error: `hash_key` without algorithm = \"hash\"\n");
  EXPECT_EQ(upstream("addrs = ['a']\nmax_h2_streams = 10"),
            "t:3:18: error: `max_streams` without protocol = \"h2c\" or `alpn`; HTTP/1.1 has one "
            "request at a "
            "time on a connection\n");
  EXPECT_EQ(upstream("addrs = ['a']\nprotocol = 'h2c'\nmax_streams = 0"),
            "t:4:15: error: `max_streams` is out of range: 0; 1 to 10000\n");
  for (const char* key : {"header", "header:", "ip:x", "host", "cookie: "}) {
    EXPECT_EQ(upstream(std::string("addrs = ['a']\nalgo = 'hash:") + key + "'"),
              std::string("t:3:8: error: `") + key +
                  "` is nothing to hash on; \"ip\", \"url\", \"path\", \"header:NAME\", "
                  "\"cookie:NAME\" or \"query:NAME\"\n");
  }
}

TEST(Loader, RefusesPathsThatNeverMatch) {
  expect_refused({
      {{.location = "path = 'api'"}, "8:8: error: a path starts with `/`"},
      {{.location = "path = '^/api'"},
       "8:8: error: a path starts with `/`; for a regex set path_type = \"regex\""},
      {{.location = "path = '/a?b=c'"},
       "8:8: error: a path ends before its query or fragment; the query is matched by match_query"},
      {{.location = "path = '/a#b'"}, "8:8: error: a path ends before its query or fragment"},
      {{.location = "path_type = 'exact'"}, "8:13: error: `path_type` without `path`"},
      {{.location = "path = '='"}, "8:8: error: `path_type` without `path`"},
      {{.location = "path = '~ ('"}, "8:8: error: `(` is not a valid regex: missing ): ("},
      {{.location = "path = '^/(?!a)'\npath_type = 'regex'"},
       "8:8: error: `^/(?!a)` is not a valid regex: invalid perl operator: (?!; look-around is not "
       "part of RE2 syntax"},
      {{.location = "path = '((a{0,100}){0,100}){0,100}'\npath_type = 'regex'"},
       "8:8: error: `((a{0,100}){0,100}){0,100}` is not a valid regex: invalid repetition "
       "size: {0,100}"},
      {{.location = "path = '/x'\npath_type = 'prefx'"},
       "9:13: error: unknown `path_type` `prefx`; one of `exact`, `prefix`, `regex`; did you mean "
       "`prefix`?"},
  });
  for (const char* path :
       {"/", "/a//b", "/a.b/..c/...", "/%C3%A4", "/%2F", "/a;b=c,d@e:f!$&'()*+"}) {
    const auto [model, diagnostics] =
        load_text(complete({.location = std::string("path = \"") + path + "\""}));
    EXPECT_EQ(diagnostics.render(), "") << path;
  }
}

TEST(Loader, RefusesHostsThatNeverMatch) {
  expect_refused({
      {{.location = "host = 'a.com:80'"},
       "8:8: error: `a.com:80` is not a host; \"a.com\", \"*.a.com\" or \"~REGEX\"; a host is "
       "written "
       "without its port"},
      {{.location = "host = '*'"},
       "8:8: error: `*` is not a host; \"a.com\", \"*.a.com\" or \"~REGEX\"; for any host leave "
       "`host` "
       "out"},
      {{.location = "host = 'a.*'"},
       "8:8: error: `a.*` is not a host; \"a.com\", \"*.a.com\" or \"~REGEX\""},
      {{.location = "host = ['a.com', '~(']"},
       "8:18: error: `(` is not a valid regex: missing ): ("},
      {{.location = "host = '~'"}, "8:8: error: the regex is empty"},
  });
  for (const char* host : {"a", "a.com", "A.com.", "*.a.com", "127.0.0.1", "[::1]", "~x"}) {
    const auto [model, diagnostics] =
        load_text(complete({.location = std::string("host = '") + host + "'"}));
    EXPECT_EQ(diagnostics.render(), "") << host;
  }
}

TEST(Loader, RefusesConditionsAndMethodsWithoutForm) {
  expect_refused({
      {{.location = "methods = ['GE T']"}, "8:12: error: `GE T` is not a method"},
      {{.location = "match_headers = ['a b:c']"},
       "8:18: error: `a b` is not a header name; letters, digits and !#$%&'*+-.^_`|~"},
      {{.location = "match_headers = [':c']"},
       "8:18: error: a condition without a name; \"name:value\" or \"name\""},
      {{.location = "match_query = [':c']"},
       "8:16: error: a condition without a name; \"name:value\" or \"name\""},
      {{.location = "trailers = 'keep'"},
       "8:12: error: unknown `trailers` `keep`; one of `drop`, `pass`"},
  });
}

TEST(Loader, RefusesHeaderEditsThatBreakMessages) {
  expect_refused({
      {{.location = "headers_add = ['X-A']"},
       "8:16: error: `X-A` is not a header; \"Name: value\""},
      {{.location = "headers_add = ['X A: b']"},
       "8:16: error: `X A` is not a header name; letters, digits and !#$%&'*+-.^_`|~"},
      {{.location = "headers_add = [\"X-A: b\\r\\nX-B: c\"]"},
       "8:16: error: `headers_add` cannot hold control characters"},
      {{.location = "headers_set = { X-A = \"b\\u0000\" }"},
       "8:23: error: `X-A` cannot hold control characters"},
      {{.location = "headers_set = ['A: 1', 'a: 2']"},
       "8:24: error: `a` is in `headers_set` twice"},
      {{.location = "headers_add = ['Content-Length: 5']"},
       "8:16: error: `Content-Length` is written by the proxy itself and cannot be edited"},
      {{.location = "headers_remove = ['transfer-encoding']"},
       "8:19: error: `transfer-encoding` is written by the proxy itself and cannot be edited"},
      {{.location = "proxy_set_headers = { Connection = 'upgrade' }"},
       "8:23: error: `Connection` is written by the proxy itself and cannot be edited; WebSocket "
       "needs no headers here, only websocket = true, the default"},
      {{.location = "headers_set = { Host = 'a' }"},
       "8:17: error: `Host` belongs to requests; for the backend use proxy_set_headers"},
      {{.location = "proxy_add_headers = ['Host: a']"},
       "8:22: error: `Host` cannot be added: every request has exactly one; to change it use "
       "proxy_set_headers"},
      {{.location = "proxy_remove_headers = ['host']"},
       "8:25: error: `Host` cannot be removed: every request has exactly one; to change it use "
       "proxy_set_headers"},
      {{.location = "headers_add = ['X-A: " + std::string(9000, 'x') + "']"},
       "8:16: error: a header value is too long; at most 8 KiB"},
  });
}

TEST(Loader, RefusesRewritesThatCannotWork) {
  expect_refused({
      {{.location = "rewrite = '( /x'"}, "8:11: error: `(` is not a valid regex: missing ): ("},
      {{.location = "rewrite = '^/(.*)$ /$2'"},
       "8:11: error: `$2` in the replacement, but the regex has 1 group"},
      {{.location = "rewrite = '^/(a)(.*)$ /$1/$9'"},
       "8:11: error: `$9` in the replacement, but the regex has 2 groups"},
      {{.location = "rewrite = '^/x$ /$$$1'"},
       "8:11: error: `$1` in the replacement, but the regex has 0 groups"},
      {{.location = "rewrite = '^/x y$ /z'"},
       "8:11: error: `^/x y$ /z` has more than two words; \"/path\" or \"REGEX REPLACEMENT\"; a "
       "space "
       "in a regex is written `\\x20`"},
  });
  for (const char* rewrite : {"/", "/v2", "/v2?a=b", "^/(.*)$ /$1", "^/(.*)/(.*)$ $2/$1", "^/x  /y",
                              "^/(?P<n>.*)$ /$n", "^/(.)$ /$15$$9", "^/(.)$ /${1}"}) {
    const auto [model, diagnostics] =
        load_text(complete({.location = std::string("rewrite = '") + rewrite + "'"}));
    EXPECT_EQ(diagnostics.render(), "") << rewrite;
  }
}

TEST(Loader, ChecksReferences) {
  EXPECT_EQ(messages(load_text(R"([upstreams.api]
addrs = ["a"]
[upstreams.zzz]
addrs = ["a"]
[locations.one]
upstream = "apy"
[locations.two]
upstream = "nothing"
[locations.three]
path = "/"
[locations.four]
plugins = []
[servers.s]
addr = "127.0.0.1"
locations = ["one", "tow", "one", "three"]
)")
                         .diagnostics),
            "t:6:12: error: there is no [upstreams.apy]; did you mean `api`?\n"
            "t:8:12: error: there is no [upstreams.nothing]; one of `api`, `zzz`\n"
            "t:9:12: error: [locations.three] needs `upstream`\n"
            "t:15:21: error: there is no [locations.tow]; did you mean `two`?\n"
            "t:15:28: warning: `one` is in this list twice\n");
}

// Plugins of a server may answer for a location that has none.
TEST(Loader, ChecksThatSomebodyAnswers) {
  const std::string text = R"([locations.empty]
plugins = []
[servers.a]
addr = "127.0.0.1:1"
locations = ["empty"]
plugins = ["pingap:ping"]
[servers.b]
addr = "127.0.0.1:2"
locations = ["empty"])";
  EXPECT_EQ(messages(load_text(text).diagnostics),
            "t:9:14: error: [locations.empty] has neither `upstream` nor plugins, nor has this "
            "server plugins that could answer\n");
  EXPECT_EQ(messages(load_text(text + "\nplugins = [\"pingap:ping\"]").diagnostics), "");
}

TEST(Loader, WarnsOfWhatHasNoUse) {
  EXPECT_EQ(messages(load_text(R"([upstreams.u]
addrs = ["a"]
[upstreams.v]
addrs = ["a"]
[locations.l]
upstream = "u"
[servers.s]
addr = "127.0.0.1"
)")
                         .diagnostics),
            "t:3:12: warning: no location uses [upstreams.v]\n"
            "t:5:12: warning: no server uses [locations.l]\n"
            "t:7:10: warning: [servers.s] has no locations: it answers every request with 404\n");
}

// Which of its keys name upstreams a plugin's type knows; here any mention will do.
TEST(Loader, TakesUpstreamsOfPluginsForUsed) {
  EXPECT_EQ(messages(load_text(R"([upstreams.u]
addrs = ["a"]
[upstreams.v]
addrs = ["a"]
[upstreams.w]
addrs = ["a"]
[plugins.p]
type = "mirror"
upstream = "v"
[plugins.q]
type = "traffic_splitting"
weights = { w = 1 }
[locations.l]
upstream = "u"
[servers.s]
addr = "127.0.0.1"
locations = ["l"]
)")
                         .diagnostics),
            "");
}

TEST(Loader, RefusesLocationsThatNoRequestReaches) {
  const std::string two = R"([upstreams.u]
addrs = ["a"]
[locations.a]
upstream = "u"
path = "/x"
host = ["a.com", "b.com"]
match_headers = ["A: b"]
[locations.b]
upstream = "u"
path = "= /x"
priority = 5
host = "b.com, a.com"
match_headers = ["A: b"]
[servers.s]
addr = "127.0.0.1"
locations = ["a", "b"]
)";
  EXPECT_EQ(messages(load_text(two).diagnostics), "");
  std::string same = two;
  same.replace(same.find("= /x"), 4, "/x");
  EXPECT_EQ(messages(load_text(same).diagnostics),
            "t:16:19: error: `a` and `b` match the same requests: one is never reached; let host, "
            "path or conditions differ\n");
}

TEST(Loader, RefusesListenersTakenTwice) {
  EXPECT_EQ(messages(load_text(R"([servers.a]
addr = ["127.0.0.1:80", "[::]:80", "127.0.0.1", "[::1]:0", "[::1]:0"]
[servers.b]
addr = "[0::0]:80"
[servers.c]
addr = "localhost:80"
[servers.d]
locations = []
[servers.e]
addr = []
)")
                         .diagnostics),
            "t:2:36: error: `127.0.0.1:80` is listened on twice; first at t:2:9\n"
            "t:4:8: error: `[::]:80` is listened on twice; first at t:2:25\n"
            "t:6:8: error: `localhost:80` is a name, not an address to listen on; \"0.0.0.0:80\", "
            "\"[::]:80\" or \"unix:/path\"; write \"127.0.0.1:80\", \"[::1]:80\" or both\n"
            "t:7:10: error: [servers.d] needs `addr`\n"
            "t:10:8: error: `addr` is empty; at least one address\n");
}

}  // namespace
}  // namespace pingap::config

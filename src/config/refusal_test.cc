// Keys, types, sections and files: what a configuration may not look like.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "config/loader.h"
#include "config/loader_fixture.h"

namespace pingap::config {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace): helpers of these tests

TEST(Loader, RefusesUnknownKeysAndSections) {
  expect_refused({
      {{.basic = "threds = 1"},
       "2:1: error: unknown key `threds` in [basic]; did you mean `threads`?"},
      {{.upstream = "wieghts = [1]"},
       "5:1: error: unknown key `wieghts` in [upstreams.u]; did you mean `weights`?"},
      {{.basic = "xyzzy = 1"},
       "2:1: error: unknown key `xyzzy` in [basic]; one of `name`, `threads`, `grace_period`, "
       "`pid_file`, `upgrade_sock`, `auto_reload`, `history`, `guard_window`, `guard_max_errors`, "
       "`user`, `group`, `error_template`, "
       "`log_level`, "
       "`buffer_budget`"},
      {{.server = "[server.x]\na = 1"},
       "12:2: error: unknown section `server`; one of `basic`, `upstreams`, `locations`, "
       "`servers`, `certificates`, `plugins`, `metrics`, `logging`, `tracing`; "
       "did you mean `servers`?"},
      {{.location = "[locations.l.x]\ny = 1"},
       "8:14: error: unknown key `x` in [locations.l]; one of `upstream`, `host`, `path`, "
       "`path_type`, `priority`, `weight`, `methods`, `match_headers`, `match_query`, "
       "`match_cookies`, `rewrite`, `headers_add`, `headers_remove`, `headers_set`, "
       "`proxy_set_headers`, `proxy_add_headers`, `proxy_remove_headers`, `client_max_body_size`, "
       "`request_buffering`, `response_buffering`, `trailers`, `websocket`, "
       "`ws_allowed_origins`, `grpc_web`, `connection_timeout`, `read_timeout`, `write_timeout`, "
       "`request_timeout`, `max_retries`, `max_retry_window`, `try_timeout`, `hedge_after`, "
       "`retry_on`, "
       "`retry_any_method`, `tunnel_timeout`, `access_log`, `access_log_format`, "
       "`access_log_status`, `access_log_min_duration`, `access_log_sample`, "
       "`access_log_redact`, `plugins`"},
  });
}

// Silence would let an operator believe in a protection that is not there.
TEST(Loader, RefusesWhatComesWithLaterVersions) {
  expect_refused({
      {{.location = "max_processing = 5"},
       "8:1: error: `max_processing` in [locations.l] is not supported yet in this version; remove "
       "it: it would have no effect"},
      {{.upstream = "includes = ['x']"},
       "5:1: error: `includes` in [upstreams.u] is not supported yet in this version; remove it: "
       "it "
       "would have no effect"},
      {{.server = "modules = ['x']"},
       "12:1: error: `modules` in [servers.s] is not supported yet in this version; remove it: it "
       "would have no effect"},
      {{.basic = "sentry = 'x'"},
       "2:1: error: `sentry` in [basic] is not supported yet in this version; remove it: it "
       "would have no effect"},
      {{.basic = "error_log = '/tmp/x'"},
       "2:1: error: unknown key `error_log` in [basic]; use output in [logging]"},
      {{.basic = "trusted_proxies = []"},
       "2:1: error: unknown key `trusted_proxies` in [basic]; it belongs into [servers.NAME]"},
  });
  for (const char* section : {"admin", "storages.x"}) {
    const std::string name = std::string(section).substr(0, std::string(section).find('.'));
    const auto [model, diagnostics] =
        load_text(complete({.server = std::string("[") + section + "]\na = 1"}));
    EXPECT_EQ(messages(diagnostics), "t:12:2: error: [" + name +
                                         "] is not supported yet in this version; remove it: it "
                                         "would have no effect\n");
  }
}

TEST(Loader, RefusesPluginsThatAreNotSaidRightly) {
  expect_refused({
      {{.location = "plugins = 5"}, "8:11: error: `plugins` must be a string, not an integer"},
      {{.location = "plugins = ['a', 'a']"}, "8:17: error: `a` is listed twice"},
      {{.location = "plugins = [{ when = { path = '/' } }]"},
       "8:12: error: a plugin without `name`; { name = \"NAME\", when = {...} }"},
      {{.location = "plugins = [{ name = 'a', when = {} }]"},
       "8:33: error: an empty `when` says nothing; remove it, or say for which requests"},
      {{.location = "plugins = [{ name = 'a', wen = {} }]"},
       "8:26: error: unknown key `wen` in [plugins]; did you mean `when`?"},
      {{.server = "[plugins.p]\npriority = 1"}, "12:10: error: [plugins.p] needs `type`"},
      {{.server = "[plugins.p]\ntype = 'mock'\nwhen = { remote = ['x'] }"},
       "14:20: error: `x` is not an address or network; \"192.0.2.1\", \"10.0.0.0/8\" or "
       "\"2001:db8::/32\""},
  });
}

TEST(Loader, RefusesWrongTypes) {
  expect_refused({
      {{.basic = "threads = 'many'"}, "2:11: error: `threads` must be an integer, not a string"},
      {{.basic = "threads = 1.5"}, "2:11: error: `threads` must be an integer, not a float"},
      {{.basic = "threads = '5'"}, "2:11: error: `threads` must be an integer, not a string"},
      {{.basic = "threads = '${YES}'"}, "2:11: error: `threads` must be an integer, not a string"},
      {{.basic = "name = 1979-05-27"}, "2:8: error: `name` must be a string, not a date or time"},
      {{.basic = "user = true"}, "2:8: error: `user` must be a string, not a boolean"},
      {{.basic = "log_level = 1"}, "2:13: error: `log_level` must be a string, not an integer"},
      {{.basic = "buffer_budget = []"},
       "2:17: error: `buffer_budget` must be a size such as 65536, \"64kb\" or \"1MiB\", not an "
       "array"},
      {{.upstream = "read_timeout = nan"},
       "5:16: error: `read_timeout` must be a duration such as \"500ms\", \"10s\" or \"1h 30m\", "
       "not a "
       "float"},
      {{.upstream = "weights = 1"},
       "5:11: error: `weights` must be a list of integers, not an integer"},
      {{.upstream = "weights = ['1']"}, "5:12: error: `weights` must be an integer, not a string"},
      {{.location = "host = 5"}, "8:8: error: `host` must be a list of strings, not an integer"},
      {{.location = "host = [5]"}, "8:9: error: `host` must be a string, not an integer"},
      {{.location = "host = ['']"}, "8:9: error: an empty string in `host`"},
      {{.location = "websocket = 1"},
       "8:13: error: `websocket` must be true or false, not an integer"},
      {{.location = "headers_add = 'X: y'"},
       "8:15: error: `headers_add` must be a list of strings or a table, not a string"},
      {{.location = "headers_set = { A = 1 }"},
       "8:21: error: `A` must be a string, not an integer"},
  });
}

TEST(Loader, RefusesValuesOutOfRange) {
  expect_refused({
      {{.basic = "threads = -1"}, "2:11: error: `threads` is out of range: -1; 0 to 1024"},
      {{.basic = "threads = 1025"}, "2:11: error: `threads` is out of range: 1025; 0 to 1024"},
      {{.basic = "name = 'two words'"},
       "2:8: error: `two words` cannot be a name; letters, digits and !#$%&'*+-.^_`|~"},
      {{.basic = "grace_period = 30"},
       "2:16: error: `grace_period` needs a unit; a duration such as \"500ms\", \"10s\" or \"1h "
       "30m\"; "
       "did you mean \"30s\"?"},
      {{.basic = "grace_period = '400d'"}, "2:16: error: `400d` is too long; at most 366d"},
      {{.basic = "log_level = 'inf'"},
       "2:13: error: unknown `log_level` `inf`; one of `trace`, `debug`, `info`, `warn`, `error`, "
       "`off`; did you mean `info`?"},
      {{.basic = "pid_file = \"a\\u0007\""},
       "2:12: error: `pid_file` cannot hold control characters"},
      {{.basic = "buffer_budget = -5"}, "2:17: error: `buffer_budget` cannot be negative"},
      {{.upstream = "idle_timeout = '0s'"},
       "5:16: error: `idle_timeout` cannot be zero; at least 1ms"},
      {{.server = "max_header_size = 100"},
       "12:19: error: `max_header_size` is out of range; 1KiB to 1MiB"},
      {{.server = "max_headers = 0"}, "12:15: error: `max_headers` is out of range: 0; 1 to 1024"},
      {{.server = "min_body_rate = '2gb'"},
       "12:17: error: `min_body_rate` is out of range; 0 to 1gb"},
      {{.server = "trusted_proxies = ['10.0.0.0/33', '::1']"},
       "12:20: error: `10.0.0.0/33` is not an address or network; \"192.0.2.1\", \"10.0.0.0/8\" or "
       "\"2001:db8::/32\""},
      {{.server = "proxy_protocol_from = ['10.0.0.1:80']"},
       "12:24: error: `10.0.0.1:80` is not an address or network; \"192.0.2.1\", \"10.0.0.0/8\" or "
       "\"2001:db8::/32\""},
      {{.upstream = "send_proxy_protocol = 'v3'"},
       "5:23: error: unknown `send_proxy_protocol` `v3`; one of `v1`, `v2`; did you mean `v1`?"},
      {{.upstream = "send_proxy_protocol = 'v1'\nkeepalive_pool_size = 1"},
       "6:23: error: `keepalive_pool_size` with `send_proxy_protocol`; remove it: a connection "
       "that "
       "says who its client is cannot be kept for others"},
      {{.upstream = "send_proxy_protocol = 'v1'\nprotocol = 'h2c'"},
       "5:23: error: `send_proxy_protocol` with HTTP/2; clients share the connections "
       "of "
       "HTTP/2; use http1, or X-Forwarded-For"},
      {{.location = "ws_allowed_origins = ['a.test', 'https://a.test/', '*']"},
       "8:23: error: `a.test` is not an origin; \"https://a.com\" or \"http://a.com:8080\"\n"
       "t:8:33: error: `https://a.test/` is not an origin; \"https://a.com\" or "
       "\"http://a.com:8080\"; an origin has no path\n"
       "t:8:52: error: `*` is not an origin; \"https://a.com\" or \"http://a.com:8080\"; "
       "for any origin leave `ws_allowed_origins` out"},
      {{.location = "grpc_web = true"},
       "8:12: error: `grpc_web` needs HTTP/2, and [upstreams.u] speaks HTTP/1.1; give the upstream "
       "protocol = \"h2c\" or, with TLS, alpn = \"h2\""},
      {{.upstream = "tls = true\nsni = 'a.test'", .location = "grpc_web = true"},
       "9:12: error: `grpc_web` needs HTTP/2, and [upstreams.u] speaks HTTP/1.1; give the upstream "
       "protocol = \"h2c\" or, with TLS, alpn = \"h2\""},
      {{.server = "underscores_in_headers = 'kep'"},
       "12:26: error: unknown `underscores_in_headers` `kep`; one of `drop`, `reject`, `keep`; did "
       "you mean `keep`?"},
  });
}

TEST(Loader, RefusesTwoSpellingsOfOneKey) {
  expect_refused({
      {{.upstream = "algo = 'random'\nalgorithm = 'random'"},
       "6:1: error: `algorithm` and `algo` are two names of one key; the other one is at t:5:1; "
       "keep `algorithm`"},
      {{.location = "priority = 1\nweight = 1"},
       "9:1: error: `priority` and `weight` are two names of one key; the other one is at t:8:1; "
       "keep `priority`"},
      {{.location = "path = '= /x'\npath_type = 'exact'"},
       "8:8: error: the sign `=` and `path_type` say the same thing; keep `path_type` and drop the "
       "sign"},
      {{.server = "write_timeout = '1s'\ndownstream_write_timeout = '1s'"},
       "13:1: error: `write_timeout` and `downstream_write_timeout` are two names of one key; the "
       "other one is at t:12:1; keep `write_timeout`"},
      {{.upstream = "algorithm = 'hash:ip'\nhash_key = 'ip'"},
       "5:13: error: what to hash on is said twice; write \"hash\" here"},
  });
}

TEST(Loader, RefusesNamesThatCannotBeShown) {
  EXPECT_EQ(messages(load_text("[upstreams.\"a\\u001b b\"]\naddrs = ['a']\n").diagnostics),
            "t:1:12: error: `a\\x1b b` cannot be a name; letters, digits and _ - . : / @, at most "
            "128\n");
  EXPECT_EQ(messages(load_text("[upstreams.\"ä.b-c:d/e@f_g\"]\naddrs = ['a']\n").diagnostics), "");
}

TEST(Loader, WantsTablesWhereSectionsAre) {
  EXPECT_EQ(messages(load_text("upstreams = 5\nbasic = [1]\n[locations]\nx = 1\n[[servers]]\n"
                               "addr = 'a'\n")
                         .diagnostics),
            "t:1:13: error: `upstreams` must be a table, not an integer\n"
            "t:2:9: error: `basic` must be a table, not an array\n"
            "t:4:1: error: `x` in [locations] must be a table, not an integer; [locations.NAME] "
            "starts an entry\n"
            "t:5:1: error: `servers` must be a table, not an array\n");
}

TEST(Loader, WantsSomethingToListenOn) {
  const auto [model, diagnostics] = load_text("");
  EXPECT_EQ(
      diagnostics.render(),
      "t:1:1: error: nothing to listen on; at least one [servers.NAME]\n    1 | \n      | ^\n");
}

TEST(Loader, ReportsUnsetVariablesOnceAndGoesOn) {
  expect_refused({
      {{.basic = "threads = '${NOPE}'"},
       "2:11: error: the environment variable `NOPE` is not set; set it, or give a default: "
       "`${NOPE:-...}`"},
      {{.location = "rewrite = '${NOPE}'"},
       "8:11: error: the environment variable `NOPE` is not set; set it, or give a default: "
       "`${NOPE:-...}`"},
      {{.server = "trusted_proxies = ['${NOPE}']"},
       "12:20: error: the environment variable `NOPE` is not set; set it, or give a default: "
       "`${NOPE:-...}`"},
  });
  EXPECT_EQ(messages(load_text("[upstreams.u]\naddrs = ['${NOPE}', 'b']\nweights = [1, 2]\n"
                               "[locations.l]\nupstream = '${NOPE}'\n")
                         .diagnostics),
            "t:2:10: error: the environment variable `NOPE` is not set; set it, or give a default: "
            "`${NOPE:-...}`\n"
            "t:5:12: error: the environment variable `NOPE` is not set; set it, or give a default: "
            "`${NOPE:-...}`\n");
}

TEST(Loader, ReportsSyntaxErrorsWithTheirPlace) {
  struct Case {
    const char* text;
    const char* message;
  };

  for (const Case& one : std::initializer_list<Case>{
           {"a = 30s\n",
            "t:1:7: error: not valid TOML (decimal integer): expected digit, saw 's'; "
            "did you mean \"30s\"?\n"},
           {"a = \"x\n",
            "t:1:7: error: not valid TOML (string): unescaped control characters other "
            "than TAB (U+0009) are explicitly prohibited\n"},
           {"a = 1\na = 2\n",
            "t:2:5: error: not valid TOML (key-value pair): cannot redefine existing integer "
            "'a'\n"},
           {"[u.a]\n[u.a]\n",
            "t:2:1: error: not valid TOML (table header): cannot redefine existing table 'u.a'\n"},
           {"x = \xff\n", "t:1:4: error: not valid TOML: Encountered invalid utf-8 sequence\n"},
           {"a = 9223372036854775808\n",
            "t:1:24: error: not valid TOML (decimal integer): '9223372036854775808' is not "
            "representable in 64 bits\n"}}) {
    EXPECT_EQ(messages(load_text(one.text).diagnostics), one.message);
  }
}

TEST(Loader, GoesOnWithOtherFilesAfterASyntaxError) {
  Diagnostics diagnostics;
  load({{"broken", "[upstreams.u\n"}, {"t", "[basic]\nnam = 'x'\n[locations.l]\nupstream = 'u'\n"}},
       diagnostics, environment);
  // No word about the upstream: it may be in the broken file.
  EXPECT_EQ(messages(diagnostics),
            "t:2:1: error: unknown key `nam` in [basic]; did you mean `name`?\n");
  EXPECT_EQ(diagnostics.errors(), 2u);
}

TEST(Loader, RefusesWhatIsDefinedInTwoFiles) {
  Diagnostics diagnostics;
  load({{"a", "[basic]\nthreads = 1\n[upstreams.u]\naddrs = ['a']\n"},
        {"b",
         "[basic]\nthreads = 2\n[upstreams.u]\naddrs = ['b']\n[servers.s]\naddr = '127.0.0.1'\n"}},
       diagnostics, environment);
  EXPECT_EQ(diagnostics.render(),
            "b:2:1: error: `threads` in [basic] is defined twice; first at a:2:1\n"
            "    2 | threads = 2\n      | ^\n"
            "b:3:12: error: `u` in [upstreams] is defined twice; first at a:3:12\n"
            "    3 | [upstreams.u]\n      |            ^\n");
}

}  // namespace
}  // namespace pingap::config

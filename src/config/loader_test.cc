// What a configuration may say.
#include "config/loader.h"

#include <string>

#include <gtest/gtest.h>

#include "config/loader_fixture.h"

namespace pingap::config {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace): helpers of these tests
using std::chrono::milliseconds;

// -----------------------------------------------------------------------------

TEST(Loader, FillsInDefaults) {
  const auto [model, diagnostics] = load_text(complete({}));
  ASSERT_EQ(diagnostics.render(), "");
  EXPECT_EQ(model.basic.name, "pingap");
  EXPECT_EQ(model.basic.grace_period, milliseconds(30'000));
  ASSERT_EQ(model.upstreams.size(), 1u);
  EXPECT_EQ(model.upstreams[0].algorithm, Algorithm::round_robin);
  ASSERT_EQ(model.locations.size(), 1u);
  EXPECT_EQ(model.locations[0].path_type, PathType::any);
  EXPECT_TRUE(model.locations[0].websocket);
  ASSERT_EQ(model.servers.size(), 1u);
  EXPECT_EQ(model.servers[0].addrs[0].value, "127.0.0.1:2");
  EXPECT_EQ(model.servers[0].max_header_size, 32u * 1024);
}

TEST(Loader, ReadsBasic) {
  const auto [model, diagnostics] = load_text(complete({.basic = R"(
name = "edge-1"
threads = 4
grace_period = "1m"
pid_file = "/run/p.pid"
user = "nobody"
group = "nogroup"
error_template = "error.html"
log_level = "debug"
buffer_budget = "1GiB"
)"}));
  ASSERT_EQ(diagnostics.render(), "");
  EXPECT_EQ(model.basic.name, "edge-1");
  EXPECT_EQ(model.basic.threads, 4u);
  EXPECT_EQ(model.basic.grace_period, milliseconds(60'000));
  EXPECT_EQ(model.basic.pid_file.value, "/run/p.pid");
  EXPECT_EQ(model.basic.user.value, "nobody");
  EXPECT_EQ(model.basic.user.at.line, 7u);
  EXPECT_EQ(model.basic.group.value, "nogroup");
  EXPECT_EQ(model.basic.error_template.value, "error.html");
  EXPECT_EQ(model.basic.log_level, LogLevel::debug);
  EXPECT_EQ(model.basic.buffer_budget, 1ULL << 30);
}

TEST(Loader, ReadsUpstream) {
  const auto [model, diagnostics] = load_text(R"(
[upstreams.api]
addrs = ["10.0.0.1:8080", "[::1]", "unix:/run/a.sock", "Server1:8080"]
algorithm = "weighted_round_robin"
weights = [3, 1, 2, 4]
connection_timeout = "1s"
read_timeout = "2s"
write_timeout = "3s"
idle_timeout = "4s"
keepalive_pool_size = 5
protocol = "h2c"
max_streams = 7
max_connections = 6
[locations.l]
upstream = "api"
[servers.s]
addr = "0.0.0.0"
locations = "l"
)");
  ASSERT_EQ(diagnostics.render(), "");
  const Upstream& upstream = *model.find_upstream("api");
  ASSERT_EQ(upstream.servers.size(), 3u);
  EXPECT_EQ(upstream.servers[0].addr.value, "10.0.0.1:8080");
  EXPECT_EQ(upstream.servers[0].addr.at.line, 3u);
  EXPECT_EQ(upstream.servers[0].weight, 3u);
  EXPECT_EQ(upstream.servers[1].addr.value, "[::1]:80");
  EXPECT_EQ(upstream.servers[2].addr.value, "unix:/run/a.sock");
  EXPECT_EQ(upstream.servers[2].weight, 2u);
  ASSERT_EQ(upstream.discovery.sought.size(), 1u);
  EXPECT_EQ(upstream.discovery.sought[0].name.value, "server1");
  EXPECT_EQ(upstream.discovery.sought[0].port, 8080u);
  EXPECT_EQ(upstream.discovery.sought[0].weight, 4u);
  EXPECT_EQ(upstream.algorithm, Algorithm::weighted_round_robin);
  EXPECT_EQ(upstream.connection_timeout, milliseconds(1000));
  EXPECT_EQ(upstream.read_timeout, milliseconds(2000));
  EXPECT_EQ(upstream.write_timeout, milliseconds(3000));
  EXPECT_EQ(upstream.idle_timeout, milliseconds(4000));
  EXPECT_EQ(upstream.keepalive_pool_size, 5u);
  EXPECT_EQ(upstream.protocol, Protocol::h2c);
  EXPECT_EQ(upstream.max_streams, 7u);
  EXPECT_EQ(upstream.max_connections, 6u);
  EXPECT_EQ(model.servers[0].addrs[0].value, "0.0.0.0:80");
}

TEST(Loader, ReadsAlgorithms) {
  struct Case {
    const char* keys;
    Algorithm algorithm;
    HashSource source;
    const char* name;
  };

  for (const Case& one : std::initializer_list<Case>{
           {"", Algorithm::round_robin, HashSource::ip, ""},
           {"algorithm = 'round_robin'", Algorithm::round_robin, HashSource::ip, ""},
           {"algorithm = 'least_conn'", Algorithm::least_conn, HashSource::ip, ""},
           {"algorithm = 'ip_hash'", Algorithm::ip_hash, HashSource::ip, ""},
           {"algorithm = 'random'", Algorithm::random, HashSource::ip, ""},
           {"algo = 'random'", Algorithm::random, HashSource::ip, ""},
           {"weights = [1]", Algorithm::round_robin, HashSource::ip, ""},
           {"weights = [2]", Algorithm::weighted_round_robin, HashSource::ip, ""},
           {"algorithm = 'hash'\nhash_key = 'url'", Algorithm::hash, HashSource::url, ""},
           {"algorithm = 'hash'\nhash_key = 'header:X-A'", Algorithm::hash, HashSource::header,
            "X-A"},
           {"algo = 'hash:ip'", Algorithm::hash, HashSource::ip, ""},
           {"algo = 'hash:path'", Algorithm::hash, HashSource::path, ""},
           {"algo = 'hash:cookie:sid'", Algorithm::hash, HashSource::cookie, "sid"},
           {"algo = 'hash:query:q'", Algorithm::hash, HashSource::query, "q"}}) {
    const auto [model, diagnostics] = load_text(complete({.upstream = one.keys}));
    ASSERT_EQ(diagnostics.render(), "") << one.keys;
    EXPECT_EQ(model.upstreams[0].algorithm, one.algorithm) << one.keys;
    EXPECT_EQ(model.upstreams[0].hash_source, one.source) << one.keys;
    EXPECT_EQ(model.upstreams[0].hash_name, one.name) << one.keys;
  }
}

TEST(Loader, ReadsTheOriginalsSpelling) {
  const auto [model, diagnostics] = load_text(R"(
[upstreams.u]
addrs = "10.0.0.1:80 3, 10.0.0.2"
algo = "round_robin"
[locations.exact]
upstream = "u"
path = "= /x"
host = "a.com, *.B.com"
weight = 5
[locations.regex]
upstream = "u"
path = "~ ^/re"
host = "~^(a|b){1,2}$"
[servers.s]
addr = "127.0.0.1:80, [::1]:80"
locations = ["exact", "regex"]
downstream_write_timeout = "1s"
)");
  ASSERT_EQ(diagnostics.render(), "");
  EXPECT_EQ(model.upstreams[0].servers[0].weight, 3u);
  EXPECT_EQ(model.upstreams[0].servers[0].addr.value, "10.0.0.1:80");
  EXPECT_EQ(model.upstreams[0].servers[1].weight, 1u);
  EXPECT_EQ(model.upstreams[0].algorithm, Algorithm::weighted_round_robin);
  EXPECT_EQ(model.locations[0].path.value, "/x");
  EXPECT_EQ(model.locations[0].path_type, PathType::exact);
  EXPECT_EQ(model.locations[0].priority, 5);
  ASSERT_EQ(model.locations[0].hosts.size(), 2u);
  EXPECT_EQ(model.locations[0].hosts[1].value, "*.b.com");
  EXPECT_EQ(model.locations[1].path.value, "^/re");
  EXPECT_EQ(model.locations[1].path_type, PathType::regex);
  ASSERT_EQ(model.locations[1].hosts.size(), 1u);
  EXPECT_EQ(model.locations[1].hosts[0].value, "~^(a|b){1,2}$");
  ASSERT_EQ(model.servers[0].addrs.size(), 2u);
  EXPECT_EQ(model.servers[0].addrs[1].value, "[::1]:80");
  EXPECT_EQ(model.servers[0].write_timeout, milliseconds(1000));
}

TEST(Loader, ReadsLocation) {
  const auto [model, diagnostics] =
      load_text(complete({.upstream = "protocol = 'h2c'", .location = R"(
path = "/api"
path_type = "exact"
priority = -3
methods = ["get", "PURGE", "GET"]
match_headers = ["X-Version: 2", "X-Debug"]
match_query = { page = "1" }
match_cookies = ["beta:yes:no"]
rewrite = "^/api/(.*)$ /$1"
headers_add = ["X-A: 1", "X-A: 2"]
headers_remove = ["Server"]
client_max_body_size = "1mb"
request_buffering = true
response_buffering = true
trailers = "pass"
websocket = false
ws_allowed_origins = ["https://A.test:8443", "missing"]
grpc_web = true
connection_timeout = "1s"
read_timeout = "2s"
write_timeout = "3s"
tunnel_timeout = "4s"
[locations.l.headers_set]
X-Second = "b"
X-First = "$remote_addr, $host"
[locations.l.proxy_set_headers]
Host = "internal"
)"}));
  ASSERT_EQ(diagnostics.render(), "");
  const Location& location = model.locations[0];
  EXPECT_EQ(location.path_type, PathType::exact);
  EXPECT_EQ(location.priority, -3);
  EXPECT_EQ(location.methods, (std::vector<std::string>{"GET", "PURGE"}));
  ASSERT_EQ(location.match_headers.size(), 2u);
  EXPECT_EQ(location.match_headers[0].name, "X-Version");
  EXPECT_EQ(location.match_headers[0].value, "2");
  EXPECT_EQ(location.match_headers[1].value, std::nullopt);
  EXPECT_EQ(location.match_query[0].value, "1");
  EXPECT_EQ(location.match_cookies[0].value, "yes:no");
  EXPECT_EQ(location.rewrite.value, "^/api/(.*)$ /$1");
  ASSERT_EQ(location.headers_add.size(), 2u);
  EXPECT_EQ(location.headers_add[1].value, "2");
  EXPECT_EQ(location.headers_remove[0].value, "Server");
  ASSERT_EQ(location.headers_set.size(), 2u);  // in the order they are written
  EXPECT_EQ(location.headers_set[0].name, "X-Second");
  EXPECT_EQ(location.headers_set[1].value, "$remote_addr, $host");
  EXPECT_EQ(location.proxy_set_headers[0].name, "Host");
  EXPECT_EQ(location.client_max_body_size, 1'000'000u);
  EXPECT_TRUE(location.request_buffering && location.response_buffering && location.pass_trailers);
  EXPECT_FALSE(location.websocket);
  EXPECT_EQ(location.ws_allowed_origins,
            (std::vector<std::string>{"https://a.test:8443", "missing"}));
  EXPECT_TRUE(location.grpc_web.value);
  EXPECT_EQ(location.timeouts.connect, milliseconds(1000));
  EXPECT_EQ(location.timeouts.read, milliseconds(2000));
  EXPECT_EQ(location.timeouts.write, milliseconds(3000));
  EXPECT_EQ(location.timeouts.tunnel, milliseconds(4000));
}

TEST(Loader, ReadsServer) {
  const auto [model, diagnostics] = load_text(complete({.server = R"(
access_log = "/var/log/a.log {remote}"
trusted_proxies = ["10.0.0.0/8", "::1"]
proxy_protocol_from = "192.0.2.1, 2001:db8::/32"
header_timeout = "1s"
keepalive_timeout = "2s"
body_timeout = "3s"
write_timeout = "4s"
min_body_rate = "1kb"
keepalive_requests = 6
max_connections = 7
max_header_size = "8KiB"
max_headers = 9
underscores_in_headers = "keep"
merge_slashes = false
encoded_slash = "keep"
via = true
)"}));
  ASSERT_EQ(diagnostics.render(), "");
  const Listener& server = model.servers[0];
  EXPECT_EQ(server.access_log.to.value, "/var/log/a.log {remote}");
  ASSERT_EQ(server.trusted_proxies.size(), 2u);
  ASSERT_EQ(server.proxy_protocol_from.size(), 2u);
  EXPECT_EQ(server.proxy_protocol_from[1].value, "2001:db8::/32");
  EXPECT_EQ(server.header_timeout, milliseconds(1000));
  EXPECT_EQ(server.keepalive_timeout, milliseconds(2000));
  EXPECT_EQ(server.body_timeout, milliseconds(3000));
  EXPECT_EQ(server.write_timeout, milliseconds(4000));
  EXPECT_EQ(server.min_body_rate, 1000u);
  EXPECT_EQ(server.keepalive_requests, 6u);
  EXPECT_EQ(server.max_connections, 7u);
  EXPECT_EQ(server.max_header_size, 8192u);
  EXPECT_EQ(server.max_headers, 9u);
  EXPECT_EQ(server.underscores_in_headers, Underscores::keep);
  EXPECT_FALSE(server.merge_slashes);
  EXPECT_TRUE(server.encoded_slash && server.via);
}

TEST(Loader, ExpandsTheEnvironmentEverywhere) {
  const auto [model, diagnostics] = load_text(R"(
[basic]
threads = "${THREADS}"
[upstreams.u]
addrs = "${BACKENDS}"
[locations.l]
upstream = "${NAME:-u}"
request_buffering = "${YES}"
headers_set = { X-A = "a ${THREADS} $host ${host} $${x}" }
rewrite = "^/(?P<n>.*)$ /${n}"
[servers.s]
addr = ["127.0.0.1:${PORT:-8080}"]
locations = ["l"]
)");
  ASSERT_EQ(diagnostics.render(), "");
  EXPECT_EQ(model.basic.threads, 7u);
  EXPECT_EQ(model.upstreams[0].servers.size(), 2u);
  EXPECT_TRUE(model.locations[0].request_buffering);
  EXPECT_EQ(model.locations[0].headers_set[0].value, "a 7 $host ${host} ${x}");
  EXPECT_EQ(model.servers[0].addrs[0].value, "127.0.0.1:8080");
}

TEST(Loader, SectionsMayBeSpreadOverFiles) {
  Diagnostics diagnostics;
  const Model model = load({{"a", "[basic]\nthreads = 1\n[upstreams.u]\naddrs = ['a']\n"},
                            {"b", "[basic]\nname = 'n'\n[locations.l]\nupstream = 'u'\n"},
                            {"c", "[servers.s]\naddr = '127.0.0.1'\nlocations = ['l']\n"}},
                           diagnostics, environment);
  EXPECT_EQ(diagnostics.render(), "");
  EXPECT_EQ(model.basic.threads, 1u);
  EXPECT_EQ(model.basic.name, "n");
}

}  // namespace
}  // namespace pingap::config

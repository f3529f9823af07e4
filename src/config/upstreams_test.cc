// What an upstream may say of servers that fail, and a location of sending again.
#include <gtest/gtest.h>

#include "config/loader_fixture.h"

namespace pingap::config {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace): helpers of these tests

// The upstream of a configuration that is fine.
Upstream upstream_with(const std::string& keys) {
  const auto [model, diagnostics] = load_text(complete({.upstream = keys}));
  EXPECT_EQ(diagnostics.render(), "") << keys;
  return model.upstreams.at(0);
}

TEST(UpstreamConfig, ChecksAndBreaksNothingByDefaultButServersThatDoNotAnswer) {
  const Upstream upstream = upstream_with("");
  EXPECT_FALSE(upstream.health);
  EXPECT_EQ(upstream.breaker.max_fails, 3U);
  EXPECT_EQ(upstream.breaker.max_failures, 0U);
  EXPECT_EQ(upstream.breaker.max_percent, 0U);
  EXPECT_EQ(upstream.breaker.successes, 1U);
  EXPECT_TRUE(upstream.breaker.statuses.contains(503));
  EXPECT_EQ(upstream.queue_timeout, milliseconds(0));
}

TEST(UpstreamConfig, ReadsTheOriginalsBreaker) {
  const Breaker breaker = upstream_with(
                              "circuit_break_max_consecutive_failures = 7\n"
                              "circuit_break_max_failure_percent = 40\n"
                              "circuit_break_min_requests_threshold = 20\n"
                              "circuit_break_open_duration = '3s'\n"
                              "backend_stats_interval = '30s'\n"
                              "backend_failure_status_code = '500,502-503'\n")
                              .breaker;
  EXPECT_EQ(breaker.max_failures, 7U);
  EXPECT_EQ(breaker.max_percent, 40U);
  EXPECT_EQ(breaker.min_requests, 20U);
  EXPECT_EQ(breaker.successes, 5U);
  EXPECT_EQ(breaker.open, milliseconds(3000));
  EXPECT_EQ(breaker.window, milliseconds(30'000));
  EXPECT_TRUE(breaker.statuses.contains(500) && breaker.statuses.contains(503));
  EXPECT_FALSE(breaker.statuses.contains(501));
}

TEST(UpstreamConfig, ReadsAHealthCheckUrl) {
  const Health health = *upstream_with(
                             "health_check = 'https://a.com:81/up?deep=1&check_frequency=2s&"
                             "read_timeout=500ms&success=2&failure=3&status=200,204&x=y'")
                             .health;
  EXPECT_EQ(health.kind, HealthKind::http);
  EXPECT_TRUE(health.tls);
  EXPECT_EQ(health.host, "a.com:81");
  EXPECT_EQ(health.path, "/up?deep=1&x=y");
  EXPECT_EQ(health.interval, milliseconds(2000));
  EXPECT_EQ(health.timeout, milliseconds(500));
  EXPECT_EQ(health.connect_timeout, milliseconds(500));
  EXPECT_EQ(health.rise, 2U);
  EXPECT_EQ(health.fall, 3U);
  EXPECT_TRUE(health.statuses.contains(204));
  EXPECT_FALSE(health.statuses.contains(201));
}

TEST(UpstreamConfig, ReadsShortHealthCheckUrls) {
  EXPECT_EQ(upstream_with("health_check = 'tcp://'").health->kind, HealthKind::tcp);
  const Health grpc = *upstream_with("health_check = 'grpc://x?service=a.B&reuse=false'").health;
  EXPECT_EQ(grpc.kind, HealthKind::grpc);
  EXPECT_EQ(grpc.service, "a.B");
  EXPECT_FALSE(grpc.reuse);
  const Health http = *upstream_with("health_check = 'http://127.0.0.1:8001/health'").health;
  EXPECT_EQ(http.host, "127.0.0.1:8001");
  EXPECT_EQ(http.path, "/health");
  EXPECT_EQ(http.interval, milliseconds(10'000));
  EXPECT_TRUE(http.statuses.contains(302));
}

TEST(UpstreamConfig, ReadsAHealthTable) {
  const Health health = *upstream_with(
                             "[upstreams.u.health]\ntype = 'http'\nhost = 'h'\npath = '/x?y'\n"
                             "method = 'HEAD'\nheaders = ['A: b']\nbody = 'ok'\n"
                             "interval = '1s'\njitter_percent = 0\nrise = 2\n")
                             .health;
  EXPECT_EQ(health.path, "/x?y");
  EXPECT_EQ(health.method, "HEAD");
  ASSERT_EQ(health.headers.size(), 1U);
  EXPECT_EQ(health.headers[0].value, "b");
  EXPECT_EQ(health.body, "ok");
  EXPECT_EQ(health.jitter_percent, 0U);
  EXPECT_EQ(health.rise, 2U);
}

TEST(UpstreamConfig, ReadsServersThatStandIn) {
  const Upstream upstream =
      upstream_with("backup_addrs = ['127.0.0.1:2 5', '127.0.0.1:3']\npriorities = [2]\n");
  ASSERT_EQ(upstream.servers.size(), 3U);
  EXPECT_EQ(upstream.servers[0].priority, 2U);
  EXPECT_EQ(upstream.servers[1].priority, 1U);
  EXPECT_EQ(upstream.servers[1].weight, 5U);
  EXPECT_EQ(upstream.servers[2].addr.value, "127.0.0.1:3");
}

TEST(UpstreamConfig, RefusesWhatCannotBeMeant) {
  expect_refused({
      {{.upstream = "health_check = 'ftp://x'"},
       "5:16: error: `ftp://x` is no health check; \"http://HOST/PATH\", \"https://HOST/PATH\", "
       "\"tcp://\" or \"grpc://HOST\""},
      {{.upstream = "health_check = 'http://x/?interval=0s'"},
       "5:16: error: `interval` cannot be zero; at least 1ms"},
      {{.upstream = "health_check = 'http://x/?status=999'"},
       "5:16: error: `999` is no status; \"200\", \"2xx\" or \"200-399\""},
      {{.upstream = "health_check = 'http://x'\nhealth = {path = '/'}"},
       "6:1: error: the check is said twice; keep `health_check` or this table"},
      {{.upstream = "health = {path = 'x'}"}, "5:18: error: `x` is not a path; it begins with `/`"},
      {{.upstream = "health = 1"},
       "5:10: error: `health` must be a table: [upstreams.NAME.health], not an integer"},
      {{.upstream = "priorities = [1, 2]"},
       "5:14: error: 2 priorities for 1 addresses; one priority per address, in the same order"},
      {{.upstream = "queue_timeout = '1s'"},
       "5:17: error: `queue_timeout` without `max_connections`; nothing waits where servers may "
       "have any number of requests"},
      {{.upstream = "sticky_secret = 'x'"}, "5:17: error: `sticky_secret` without `sticky_cookie`"},
      {{.upstream = "sticky_cookie = 'a b'"}, "5:17: error: `a b` is not a name of a cookie"},
      {{.upstream = "keepalive_pool_min = 9\nkeepalive_pool_size = 8"},
       "5:22: error: `keepalive_pool_min` is more than `keepalive_pool_size`"},
      {{.upstream = "hash_balance_factor = 100"},
       "5:23: error: not even its share would be a server's own; a percentage above 100, or 0 for "
       "no bound"},
      {{.upstream = "backend_failure_status_code = '5x'"},
       "5:31: error: `5x` is no status; \"503\", \"5xx\" or \"500-503\""},
      {{.location = "hedge_after = '1s'\ntry_timeout = '1s'\nmax_retries = 0"},
       "8:15: error: `hedge_after` does nothing with `max_retries = 0`; a second try is a retry: "
       "allow one, or drop `hedge_after`\n"
       "t:8:15: error: `hedge_after` is not below `try_timeout`; the first try would be over "
       "before "
       "the second one begins"},
      {{.location = "retry_on = ['500', 'often']"},
       "8:20: error: `often` is no reason to try again; \"connect\", \"reset\", \"timeout\", "
       "\"bad_response\", \"off\", a status like \"503\", \"5xx\" or \"502-504\""},
  });
}

TEST(LocationConfig, ReadsWhenToSendAgain) {
  const auto [model, diagnostics] = load_text(
      complete({.location = "retry_on = ['connect', 'timeout', '503', '504-599']\n"
                            "max_retries = 3\nmax_retry_window = '5s'\ntry_timeout = '1s'\n"
                            "hedge_after = '50ms'\n"
                            "retry_any_method = true\nrequest_timeout = '9s'\n"}));
  EXPECT_EQ(diagnostics.render(), "");
  const Location& location = model.locations.at(0);
  EXPECT_TRUE(location.retries.connect && location.retries.timeout);
  EXPECT_FALSE(location.retries.reset || location.retries.bad_response);
  EXPECT_TRUE(location.retries.statuses.contains(503) && location.retries.statuses.contains(555));
  EXPECT_FALSE(location.retries.statuses.contains(502));
  EXPECT_EQ(location.retries.most, 3U);
  EXPECT_EQ(location.retries.hedge_after, milliseconds(50));
  EXPECT_EQ(location.retries.window, milliseconds(5000));
  EXPECT_EQ(location.retries.per_try, milliseconds(1000));
  EXPECT_TRUE(location.retries.any_method);
  EXPECT_EQ(location.timeouts.total, milliseconds(9000));
}

}  // namespace
}  // namespace pingap::config

#include "cli/top_view.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace pingap::cli {
namespace {

constexpr std::string_view kText = R"(# HELP http_requests_total Requests.
# TYPE http_requests_total counter
http_requests_total{server="main",location="api",method="GET",status="200"} 90
http_requests_total{server="main",location="api",method="GET",status="404"} 6
http_requests_total{server="main",location="api",method="POST",status="503"} 4
http_request_duration_seconds_bucket{server="main",location="api",le="0.005"} 10
http_request_duration_seconds_bucket{server="main",location="api",le="0.01"} 60
http_request_duration_seconds_bucket{server="main",location="api",le="10"} 99
http_request_duration_seconds_bucket{server="main",location="api",le="+Inf"} 100
http_terminations_total{server="main",location="api",termination="--"} 93
http_terminations_total{server="main",location="api",termination="LR"} 1
http_terminations_total{server="main",location="api",termination="SC"} 6
http_response_body_bytes_total{server="main",location="api"} 2048
http_requests_in_flight{server="main"} 3
http_requests_in_flight{server="other"} 4
upstream_requests_total{upstream="u",server="a\\\"\nb:80"} 50
upstream_server_state{upstream="u",server="a\\\"\nb:80",state="up"} 1
upstream_responses_total{upstream="u",server="a\\\"\nb:80",class="2xx"} 40
upstream_responses_total{upstream="u",server="a\\\"\nb:80",class="5xx"} 5
upstream_failed_tries_total{upstream="u",server="a\\\"\nb:80",reason="upstream_refused"} 3
upstream_failed_tries_total{upstream="u",server="a\\\"\nb:80",reason="upstream_reset"} 2
worker_event_loop_lag_seconds{worker="0"} 0.001
worker_event_loop_lag_seconds{worker="1"} 0.003
config_reloads_total{result="taken"} 2
config_reloads_total{result="refused"} 1
config_last_reload_successful 0
pingap_build_info{version="1.2.3",commit="abc"} 1
process_start_time_seconds 1000
process_cpu_seconds_total 5.5
nobody_knows{what="this"} 1
)";

const LocationCounts& api(const Counts& counts) {
  return counts.locations.at({"main", "api"});
}

TEST(TopCounts, ReadsWhatTheProcessSays) {
  const Counts counts = read_counts(kText);
  EXPECT_EQ(api(counts).requests, 100);
  EXPECT_EQ(api(counts).client_errors, 6);
  EXPECT_EQ(api(counts).server_errors, 4);
  EXPECT_EQ(api(counts).broken, 6);
  EXPECT_EQ(api(counts).bytes_out, 2048);
  EXPECT_EQ(counts.process.in_flight, 7);
  EXPECT_EQ(counts.process.lag, 0.003);
  EXPECT_EQ(counts.process.reloads, 2);
  EXPECT_EQ(counts.process.refused_reloads, 1);
  EXPECT_FALSE(counts.process.last_reload_taken);
  EXPECT_EQ(counts.process.version, "1.2.3");
  ASSERT_EQ(counts.backends.size(), 1U);
  const auto& [name, backend] = *counts.backends.begin();
  EXPECT_EQ(name, Counts::Name("u", "a\\\"\nb:80"));
  EXPECT_EQ(backend.state, "up");
  EXPECT_EQ(backend.tries, 50);
  EXPECT_EQ(backend.failed, 5);
  EXPECT_EQ(backend.server_errors, 5);
}

TEST(TopCounts, SeparatesBuckets) {
  const Counts counts = read_counts(kText);
  const Buckets& buckets = api(counts).durations;
  EXPECT_EQ(buckets.front(), 10);
  EXPECT_EQ(buckets[1], 50);
  EXPECT_EQ(buckets.back(), 1);
}

TEST(TopCounts, SaysThatNothingIsCounted) {
  EXPECT_FALSE(read_counts("worker_connections{worker=\"0\"} 3\n").process.in_flight);
}

// What is cut off, or none of ours, is passed over.
TEST(TopCounts, TakesAnyText) {
  for (size_t end = 0; end <= kText.size(); ++end) {
    read_counts(kText.substr(0, end));
  }
  for (const std::string_view text :
       {"{", "a{", "a{b", "a{b=\"", "a{b=\"\\", "a ", "a x", "\n\n"}) {
    EXPECT_TRUE(read_counts(text).locations.empty()) << text;
  }
}

TEST(Quantile, IsBetweenTheBoundsOfItsBucket) {
  Buckets buckets{};
  EXPECT_FALSE(quantile(buckets, 0.5));
  buckets[0] = 10;
  EXPECT_EQ(quantile(buckets, 0.99)->bound, Quantile::Bound::below);
  EXPECT_EQ(quantile(buckets, 0.99)->seconds, 0.005);
  buckets[1] = 10;  // 5 to 10 ms
  EXPECT_EQ(quantile(buckets, 0.5)->bound, Quantile::Bound::below);
  EXPECT_EQ(quantile(buckets, 0.75)->bound, Quantile::Bound::about);
  EXPECT_DOUBLE_EQ(quantile(buckets, 0.75)->seconds, 0.0075);
  buckets.back() = 100;
  EXPECT_EQ(quantile(buckets, 0.99)->bound, Quantile::Bound::above);
  EXPECT_EQ(quantile(buckets, 0.99)->seconds, 10);
}

TEST(TopView, HasRatesOfWhatIsNew) {
  const Counts before = read_counts(kText);
  Counts now = before;
  LocationCounts& location = now.locations.at({"main", "api"});
  location.requests += 40;
  location.server_errors += 10;
  location.durations[1] += 40;
  now.locations[{"main", "new"}].requests = 10;
  now.backends.begin()->second.tries += 4;
  now.process.cpu_seconds += 1;
  const TopView view = compare(before, now, 2, 1060);
  EXPECT_EQ(view.uptime, 60);
  EXPECT_EQ(view.cpu, 0.5);
  EXPECT_EQ(view.all.requests, 25);
  ASSERT_EQ(view.locations.size(), 2U);
  EXPECT_EQ(view.locations[0].requests, 20);
  EXPECT_EQ(view.locations[0].server_errors, 5);
  EXPECT_EQ(view.locations[0].client_errors, 0);
  EXPECT_DOUBLE_EQ(view.locations[0].p50->seconds, 0.0075);
  EXPECT_EQ(view.locations[1].requests, 5);
  EXPECT_FALSE(view.locations[1].p99);
  EXPECT_EQ(view.backends.at(0).tries, 2);
}

TEST(TopView, HasNoNegativeRates) {
  const TopView view = compare(read_counts(kText), read_counts(""), 1, 0);
  EXPECT_EQ(view.all.requests, 0);
  EXPECT_EQ(view.uptime, 0);
  EXPECT_EQ(compare(read_counts(""), read_counts(kText), 0, 0).all.requests, 0);
}

TopView three_rows() {
  TopView view;
  view.process.in_flight = 0;
  for (const char* name : {"b", "c", "a"}) {
    view.locations.push_back({});
    view.locations.back().location = name;
    view.backends.push_back({});
    view.backends.back().server = name;
  }
  view.locations[0].requests = 5;                    // b
  view.locations[1].server_errors = 1;               // c
  view.locations[2].p99 = Quantile{.seconds = 0.1};  // a
  view.backends[0].tries = 5;
  view.backends[1].failed = 1;
  return view;
}

TEST(TopView, SortsByWhatIsAskedFor) {
  struct Case {
    TopSort by;
    const char* location;
    const char* backend;
  };

  for (const Case& one : {Case{TopSort::requests, "b", "b"}, Case{TopSort::errors, "c", "c"},
                          Case{TopSort::slowest, "a", "b"}, Case{TopSort::name, "a", "a"}}) {
    TopView view = three_rows();
    sort_rows(view, one.by);
    EXPECT_EQ(view.locations[0].location, one.location);
    EXPECT_EQ(view.backends[0].server, one.backend);
  }
}

size_t lines_of(std::string_view text) {
  return static_cast<size_t>(std::ranges::count(text, '\n'));
}

TEST(TopView, FitsTheTerminal) {
  TopView view = three_rows();
  view.locations.resize(100);
  EXPECT_EQ(lines_of(to_text(view, {})), 7U + 103U);
  for (size_t rows = 8; rows < 120; ++rows) {
    const std::string text = to_text(view, {rows, 40});
    EXPECT_LE(lines_of(text), rows);
    EXPECT_EQ(text.find("more") != std::string::npos, rows < 110) << rows;
    for (size_t at = 0; at < text.size();) {
      const size_t end = text.find('\n', at);
      EXPECT_LE(end - at, 40U);
      at = end + 1;
    }
  }
}

// Names of servers may come from elsewhere.
TEST(TopView, LetsNobodyMoveTheCursor) {
  TopView view = three_rows();
  view.backends[0].server = "\x1b[2Jevil\x07\n";
  const std::string text = to_text(view, {});
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(text.find("?[2Jevil??"), std::string::npos);
}

TEST(TopView, SaysThatRequestsAreNotCounted) {
  TopView view;
  EXPECT_NE(to_text(view, {}).find("there is no [metrics]"), std::string::npos);
  EXPECT_EQ(to_json(view).find("in_flight"), std::string::npos);
}

}  // namespace
}  // namespace pingap::cli

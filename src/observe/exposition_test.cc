#include "observe/exposition.h"

#include <gtest/gtest.h>

namespace pingap::observe {
namespace {

constexpr Family kCounter{"a_total", Kind::counter, "How many."};
constexpr Family kGauge{"b", Kind::gauge, "How much."};
constexpr Family kTook{"c_seconds", Kind::histogram, "How long."};

TEST(Exposition, WritesTextForPrometheus) {
  Exposition out(Form::text);
  out.begin(kCounter);
  out.sample(labels({{"x", "1"}}), uint64_t{2});
  out.sample(labels({{"x", "2"}}), {"y", "z"}, 3);
  out.sample({}, {"y", "z"}, 4);
  out.begin(kGauge);
  out.sample({}, 0.5);
  EXPECT_EQ(out.finish(),
            "# HELP a_total How many.\n# TYPE a_total counter\n"
            "a_total{x=\"1\"} 2\na_total{x=\"2\",y=\"z\"} 3\na_total{y=\"z\"} 4\n"
            "# HELP b How much.\n# TYPE b gauge\nb 0.5\n");
}

// The name of a counter is without _total there, but in its samples; the end is marked.
TEST(Exposition, WritesOpenMetrics) {
  Exposition out(Form::openmetrics);
  out.begin(kCounter);
  out.sample({}, uint64_t{2});
  out.begin(kGauge);
  EXPECT_EQ(out.finish(),
            "# HELP a How many.\n# TYPE a counter\na_total 2\n"
            "# HELP b How much.\n# TYPE b gauge\n# EOF\n");
}

TEST(Exposition, EscapesValuesOfLabels) {
  EXPECT_EQ(labels({{"a", "q\"b\\n\nü"}, {"b", ""}}), "a=\"q\\\"b\\\\n\\nü\",b=\"\"");
}

TEST(Exposition, BucketsOfHistogramsHoldThoseBelow) {
  Histogram histogram;
  histogram.add(std::chrono::milliseconds(5));  // a bound belongs to its bucket
  histogram.add(std::chrono::milliseconds(6));
  histogram.add(std::chrono::seconds(1));
  histogram.add(std::chrono::seconds(11));
  HistogramTotals totals;
  histogram.add_to(totals);
  Exposition out(Form::text);
  out.begin(kTook);
  out.histogram(labels({{"l", "v"}}), totals);
  const std::string text = out.finish();
  for (const char* line :
       {"c_seconds_bucket{l=\"v\",le=\"0.005\"} 1\n", "c_seconds_bucket{l=\"v\",le=\"0.01\"} 2\n",
        "c_seconds_bucket{l=\"v\",le=\"0.75\"} 2\n", "c_seconds_bucket{l=\"v\",le=\"1\"} 3\n",
        "c_seconds_bucket{l=\"v\",le=\"10\"} 3\n", "c_seconds_bucket{l=\"v\",le=\"+Inf\"} 4\n",
        "c_seconds_sum{l=\"v\"} 12.011\n", "c_seconds_count{l=\"v\"} 4\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

TEST(Exposition, HasExemplarsInOpenMetricsOnly) {
  HistogramTotals totals;
  totals.buckets[1] = 1;
  ExemplarSet exemplars;
  exemplars[1] = Exemplar{"id-1", std::chrono::milliseconds(7), WallTime(std::chrono::seconds(9)),
                          ExemplarOf::request_id};
  for (const Form form : {Form::text, Form::openmetrics}) {
    Exposition out(form);
    out.begin(kTook);
    out.histogram({}, totals, &exemplars);
    const bool there =
        out.finish().find(
            "c_seconds_bucket{le=\"0.01\"} 1 # {request_id=\"id-1\"} 0.007 9.000\n") !=
        std::string::npos;
    EXPECT_EQ(there, form == Form::openmetrics);
  }
}

TEST(Exemplars, KeepOneInASecondAndBucket) {
  Exemplars exemplars;
  const TimePoint start{std::chrono::seconds(100)};
  const Duration took = std::chrono::milliseconds(1);
  ASSERT_TRUE(exemplars.wants(took, start));
  exemplars.set("first", ExemplarOf::request_id, took, start, WallTime(std::chrono::seconds(1)));
  EXPECT_FALSE(exemplars.wants(took, start + std::chrono::milliseconds(999)));
  EXPECT_TRUE(exemplars.wants(std::chrono::milliseconds(20), start));
  EXPECT_TRUE(exemplars.wants(took, start + std::chrono::seconds(1)));
  exemplars.set("second, which is longer than a word", ExemplarOf::request_id, took, start,
                WallTime(std::chrono::seconds(2)));
  exemplars.set(std::string(ExemplarCell::kMaxId + 1, 'x'), ExemplarOf::request_id, took, start,
                {});  // too long
  ExemplarSet set;
  exemplars.merge_into(set);
  ASSERT_TRUE(set[0].has_value());
  EXPECT_EQ(set[0]->id, "second, which is longer than a word");
  EXPECT_FALSE(set[1].has_value());
}

// Of two workers, the newer one.
TEST(Exemplars, AreMergedByAge) {
  Exemplars older;
  Exemplars newer;
  const Duration took = std::chrono::milliseconds(1);
  older.set("older", ExemplarOf::request_id, took, {}, WallTime(std::chrono::seconds(1)));
  newer.set("newer", ExemplarOf::request_id, took, {}, WallTime(std::chrono::seconds(2)));
  ExemplarSet set;
  newer.merge_into(set);
  older.merge_into(set);
  EXPECT_EQ(set[0]->id, "newer");
}

}  // namespace
}  // namespace pingap::observe

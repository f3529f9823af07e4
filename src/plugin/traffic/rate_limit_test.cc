#include <set>
#include <thread>

#include "plugin/test_plugin.h"
#include "plugin/traffic/inflight_table.h"
#include "plugin/traffic/kinds.h"
#include "plugin/traffic/rate_table.h"

namespace pingap::plugin {
namespace {

using std::chrono::milliseconds;

constexpr int64_t kMs = 1'000'000;
constexpr TimePoint kStart{std::chrono::hours(5)};

int passed(RateTable& table, uint64_t hash, Pace pace, TimePoint at, int times) {
  int sum = 0;
  for (int i = 0; i < times; ++i) {
    sum += table.ask(hash, pace, at).passes ? 1 : 0;
  }
  return sum;
}

TEST(RateTable, LetsABurstThroughAndThenTheRate) {
  RateTable table(1000);
  const Pace pace{10 * kMs, 50 * kMs};
  const uint64_t who = table.hash("a");
  EXPECT_EQ(passed(table, who, pace, kStart, 20), 5);
  EXPECT_EQ(passed(table, who, pace, kStart + milliseconds(9), 20), 0);
  EXPECT_EQ(passed(table, who, pace, kStart + milliseconds(10), 20), 1);
  EXPECT_EQ(passed(table, who, pace, kStart + milliseconds(1000), 20), 5);
}

TEST(RateTable, SaysWhenTheNextOnePassesAndWhatIsUsed) {
  RateTable table(1000);
  const Pace pace{10 * kMs, 20 * kMs};
  const uint64_t who = table.hash("a");
  EXPECT_EQ(table.ask(who, pace, kStart).used, 10 * kMs);
  EXPECT_EQ(table.ask(who, pace, kStart).used, 20 * kMs);
  const Decision refused = table.ask(who, pace, kStart + milliseconds(4));
  EXPECT_FALSE(refused.passes);
  EXPECT_EQ(refused.wait, 6 * kMs);
  EXPECT_TRUE(table.ask(who, pace, kStart + milliseconds(10)).passes);
}

TEST(RateTable, KeepsKeysApart) {
  RateTable table(10'000);
  const Pace pace{1000 * kMs, 1000 * kMs};
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_TRUE(table.ask(table.hash(std::to_string(i)), pace, kStart).passes) << i;
  }
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_FALSE(table.ask(table.hash(std::to_string(i)), pace, kStart).passes) << i;
  }
  EXPECT_EQ(table.crowded(), 0u);
}

TEST(RateTable, HasAPlaceForEachOfItsKeys) {
  RateTable table(1'000'000);
  const Pace pace{1000 * kMs, 1000 * kMs};
  for (int i = 0; i < 1'000'000; ++i) {
    ASSERT_TRUE(table.ask(table.hash(std::to_string(i)), pace, kStart).passes) << i;
  }
  EXPECT_EQ(table.crowded(), 0u);
}

// security.md RT-02: keys that a client invents neither grow the table nor free anybody.
TEST(RateTable, ForgivesNobodyWhenItIsFull) {
  RateTable table(1000);
  const Pace pace{60'000 * kMs, 60'000 * kMs};
  const uint64_t attacker = table.hash("attacker");
  ASSERT_TRUE(table.ask(attacker, pace, kStart).passes);
  int free = 0;
  for (int i = 0; i < 200'000; ++i) {
    free += table.ask(table.hash("x" + std::to_string(i)), pace, kStart).passes ? 1 : 0;
  }
  EXPECT_LT(free, 6000);
  EXPECT_GT(table.crowded(), 190'000u);
  EXPECT_FALSE(table.ask(attacker, pace, kStart).passes);
}

TEST(RateTable, CountsExactlyFromManyThreads) {
  RateTable table(1000);
  const Pace pace{3'600'000 * kMs, 500 * 3'600'000 * kMs};
  const uint64_t who = table.hash("a");
  std::atomic<int> sum{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] { sum += passed(table, who, pace, kStart, 1000); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(sum, 500);
}

TEST(InflightTable, IsEmptyAgainWhenAllHaveEnded) {
  InflightTable table;
  EXPECT_TRUE(table.begin(1, 2));
  EXPECT_TRUE(table.begin(1, 2));
  EXPECT_FALSE(table.begin(1, 2));
  EXPECT_TRUE(table.begin(2, 2));
  table.end(1);
  EXPECT_TRUE(table.begin(1, 2));
  table.end(1);
  table.end(1);
  table.end(2);
  EXPECT_EQ(table.size(), 0u);
}

TEST(InflightTable, CountsEachKeyAnewAfterManyHaveEnded) {
  InflightTable table;
  for (uint64_t key = 0; key < 5000; ++key) {
    ASSERT_TRUE(table.begin(key, 1)) << key;
  }
  for (uint64_t key = 0; key < 5000; ++key) {
    table.end(key);
  }
  EXPECT_EQ(table.size(), 0u);
  for (uint64_t key = 5000; key < 10'000; ++key) {
    ASSERT_TRUE(table.begin(key, 1)) << key;
    ASSERT_FALSE(table.begin(key, 1)) << key;
  }
  EXPECT_EQ(table.size(), 5000u);
}

TEST(RateLimit, RefusesWith429AndSaysWhenToComeBack) {
  const Made made(kRateLimit, "rate = 1\nburst = 2");
  for (int i = 0; i < 2; ++i) {
    Asked asked;
    EXPECT_EQ(asked.ask(*made), Verdict::next);
    asked.respond(*made);
    EXPECT_EQ(asked.got("ratelimit"), i == 0 ? "\"p\";r=1;t=1" : "\"p\";r=0;t=2");
    EXPECT_EQ(asked.got("ratelimit-policy"), "\"p\";q=2;w=2");
  }
  Asked asked;
  EXPECT_EQ(asked.ask(*made), Verdict::respond);
  EXPECT_EQ(asked.answer.status, 429);
  EXPECT_EQ(asked.answer.reason, ErrorCode::rate_limited);
  EXPECT_EQ(asked.answered("retry-after"), "1");
}

TEST(RateLimit, SaysWhenToComeBackAlsoWithoutFieldsOfItsOwn) {
  const Made silent(kRateLimit, "rate = 1\ninterval = \"30s\"\nheaders = false");
  const Made inflight(kRateLimit, "inflight = 1");
  for (const auto& [made, wait] : {std::pair{&silent, "30"}, {&inflight, "1"}}) {
    Asked first;
    Asked second;
    EXPECT_EQ(first.ask(**made), Verdict::next);
    EXPECT_EQ(second.ask(**made), Verdict::respond);
    EXPECT_EQ(second.answered("retry-after"), wait);
    first.end(**made);
  }
}

// draft-ietf-httpapi-ratelimit-headers: a list, of which each item is one limit's.
TEST(RateLimit, AddsToWhatOtherLimitsSay) {
  const Made inner(kRateLimit, "rate = 1");
  const Made outer(kRateLimit, "rate = 100");
  Asked asked;
  asked.ask(*inner);
  asked.x.response.headers.add("RateLimit", "\"backend\";r=7");
  asked.respond(*inner);
  asked.ask(*outer);
  asked.respond(*outer);
  EXPECT_EQ(asked.got("ratelimit"), "\"backend\";r=7, \"p\";r=0;t=1, \"p\";r=99;t=1");
  EXPECT_EQ(asked.got("ratelimit-policy"), "\"p\";q=1;w=1, \"p\";q=100;w=1");
}

TEST(RateLimit, TakesTheOriginalsIntervalWithItsNames) {
  for (const auto& [type, options, interval] : {std::tuple{"limit", "max = 5", 10},
                                                {"limit", "max = 5\ninterval = \"2s\"", 2},
                                                {"limit", "rate = 5", 1},
                                                {"rate_limit", "max = 5", 1}}) {
    const Made made(kRateLimit, type, options);
    Asked asked;
    asked.ask(*made);
    asked.respond(*made);
    EXPECT_EQ(asked.got("ratelimit-policy"), "\"p\";q=5;w=" + std::to_string(interval))
        << type << options;
  }
  const Made tag(kRateLimit, "limit", "max = 5\ntag = \"ip\"");
  EXPECT_NE(tag.errors().find("write the variable as `key`"), std::string::npos);
}

TEST(RateLimit, WarnsOfKeysThatDoNothing) {
  EXPECT_EQ(Made(kRateLimit, "inflight = 1\nburst = 5\ninterval = \"2s\"").warnings(),
            "5:1 `interval` does nothing without `rate`\n"
            "4:1 `burst` does nothing without `rate`\n");
  EXPECT_EQ(Made(kRateLimit, "rate = 1\nburst = 5\nheaders = false").warnings(), "");
}

int let_through(const Made& made, const std::vector<std::string>& clients) {
  int sum = 0;
  for (const std::string& client : clients) {
    Asked asked("/", {}, "GET", client);
    sum += asked.ask(*made) == Verdict::next ? 1 : 0;
  }
  return sum;
}

// security.md RT-03
TEST(RateLimit, CountsANetworkOfIpv6AsOneClient) {
  const Made made(kRateLimit, "rate = 1");
  EXPECT_EQ(let_through(made, {"2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"}), 2);
  EXPECT_EQ(let_through(made, {"192.0.2.1", "192.0.2.2", "192.0.2.1"}), 2);
}

TEST(RateLimit, CountsByAnyVariable) {
  const Made made(kRateLimit, "rate = 1\nkey = \"$http_x_key\"");
  const auto ask = [&](Asked::Headers headers) {
    Asked asked("/", std::move(headers));
    return asked.ask(*made);
  };
  EXPECT_EQ(ask({{"X-Key", "a"}}), Verdict::next);
  EXPECT_EQ(ask({{"X-Key", "b"}}), Verdict::next);
  EXPECT_EQ(ask({{"X-Key", "a"}}), Verdict::respond);
  // Who has no key is no exception.
  EXPECT_EQ(ask({}), Verdict::next);
  EXPECT_EQ(ask({}), Verdict::respond);
}

TEST(RateLimit, LimitsWhatIsUnderWay) {
  const Made made(kRateLimit, "inflight = 1");
  Asked first;
  Asked second;
  EXPECT_EQ(first.ask(*made), Verdict::next);
  EXPECT_EQ(second.ask(*made), Verdict::respond);
  second.end(*made);
  Asked third;
  EXPECT_EQ(third.ask(*made), Verdict::respond);
  third.end(*made);
  first.end(*made);
  Asked fourth;
  EXPECT_EQ(fourth.ask(*made), Verdict::next);
  fourth.end(*made);
}

TEST(RateLimit, RefusesNobodyInADryRun) {
  const Made made(kRateLimit, "rate = 1\ndry_run = true");
  Asked first;
  Asked second;
  EXPECT_EQ(first.ask(*made), Verdict::next);
  EXPECT_EQ(second.ask(*made), Verdict::next);
  EXPECT_EQ(second.x.plugin_reason, "too many requests");
  EXPECT_EQ(second.answered("retry-after"), "");
  const Made after(kRateLimit, "rate = 1", &*made);
  ASSERT_EQ((*after).left_out().size(), 1u);
  EXPECT_EQ((*after).left_out()[0].reason, "dry_run");
  EXPECT_EQ((*after).left_out()[0].times, 1u);
}

// security.md RT-05
TEST(RateLimit, RemembersOverAReload) {
  const Made before(kRateLimit, "rate = 1");
  const Made same(kRateLimit, "rate = 2\nburst = 1", &*before);
  const Made other(kRateLimit, "rate = 1\nkey = \"$host\"", &*before);
  EXPECT_EQ(let_through(before, {"192.0.2.1"}), 1);
  EXPECT_EQ(let_through(same, {"192.0.2.1"}), 0);
  EXPECT_EQ(let_through(other, {"192.0.2.1"}), 1);
}

TEST(RateLimit, IsNotMadeOfNonsense) {
  for (const char* bad :
       {"", "rate = 0", "rate = -1", "rate = 1\nkey = \"$nobody\"", "rate = 1\ninterval = \"0s\"",
        "rate = \"fast\"", "inflight = 0", "rate = 1\nburst = 0"}) {
    EXPECT_TRUE(Made(kRateLimit, bad).failed()) << bad;
  }
  EXPECT_FALSE(Made(kRateLimit, "rate = 0.5").failed());
}

TEST(RequestSizeLimit, RefusesWhatIsAnnounced) {
  const Made made(kRequestSizeLimit, "max_body = 10\nmax_uri = 20\nmax_header = 100");
  Asked body("/");
  body.x.request.framing = http::Framing::length;
  body.x.request.content_length = 11;
  EXPECT_EQ(body.ask(*made), Verdict::respond);
  EXPECT_EQ(body.answer.status, 413);
  Asked uri("/" + std::string(20, 'a'));
  EXPECT_EQ(uri.ask(*made), Verdict::respond);
  EXPECT_EQ(uri.answer.status, 414);
  Asked header("/", {{"X-A", std::string(98, 'a')}});
  EXPECT_EQ(header.ask(*made), Verdict::respond);
  EXPECT_EQ(header.answer.status, 431);
  Asked fits("/" + std::string(19, 'a'), {{"X-A", std::string(97, 'a')}});
  EXPECT_EQ(fits.ask(*made), Verdict::next);
}

TEST(RequestSizeLimit, CountsWhatComes) {
  const Made made(kRequestSizeLimit, "max_body = 10");
  Asked asked;
  Context context = asked.context();
  BodyFilter* filter = (*made).request_body(context);
  ByteQueue in;
  ByteQueue out;
  in.append("123456");
  EXPECT_TRUE(filter->filter(in, out, End::no));
  in.append("7890");
  EXPECT_TRUE(filter->filter(in, out, End::no));
  EXPECT_EQ(out.size(), 10u);
  in.append("1");
  EXPECT_FALSE(filter->filter(in, out, End::yes));
}

TEST(Fault, AsksForAPauseAndFails) {
  const Made made(kFault, "delay = \"20ms\"\nabort = 503");
  Asked asked;
  EXPECT_EQ(asked.ask(*made), Verdict::suspend);
  EXPECT_EQ(asked.paused, milliseconds(20));
  Context context = asked.context();
  EXPECT_EQ((*made).on_resume(context), Verdict::respond);
  EXPECT_EQ(asked.answer.status, 503);
  const Made never(kFault, "abort = 503\nabort_percent = 0");
  Asked other;
  EXPECT_EQ(other.ask(*never), Verdict::next);
}

TEST(Fault, WarnsOfAPartOfNothing) {
  EXPECT_EQ(Made(kFault, "abort = 503\ndelay_percent = 5").warnings(),
            "4:1 `delay_percent` does nothing without `delay`\n");
  EXPECT_EQ(Made(kFault, "delay = \"1s\"\nabort_percent = 5").warnings(),
            "4:1 `abort_percent` does nothing without `abort`\n");
}

}  // namespace
}  // namespace pingap::plugin

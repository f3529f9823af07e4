#include "upstream/balancer/balancer.h"

#include <deque>
#include <map>
#include <memory>
#include <numeric>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "upstream/balancer/schedule.h"

namespace pingap::upstream::balancer {
namespace {

using config::Algorithm;

constexpr Algorithm kAll[] = {Algorithm::round_robin, Algorithm::weighted_round_robin,
                              Algorithm::least_conn,  Algorithm::ip_hash,
                              Algorithm::random,      Algorithm::hash};

class Upstream {
 public:
  explicit Upstream(Algorithm algorithm, const std::vector<uint32_t>& weights,
                    uint32_t max_active = 0) {
    std::vector<Server> servers;
    for (size_t i = 0; i < weights.size(); ++i) {
      states_.push_back(std::make_unique<EndpointState>());
      servers.push_back({"10.0.0." + std::to_string(i) + ":80", weights[i], states_.back().get()});
    }
    plan_ = Plan(algorithm, servers, max_active);
    cursor_ = plan_.start(0, 1);
  }

  int pick(std::initializer_list<size_t> tried = {}) {
    return plan_.pick({.tried = all_of(tried)}, cursor_);
  }

  int pick_key(uint64_t key, std::initializer_list<size_t> tried = {}) {
    return plan_.pick({.key = key, .tried = all_of(tried)}, cursor_);
  }

  EndpointState& state(size_t i) { return *states_[i]; }

  void set_down(size_t i) { state(i).set_out(Out::unhealthy, true); }

  void set_active(std::initializer_list<uint32_t> counts) {
    size_t i = 0;
    for (const uint32_t count : counts) {
      state(i++).active = count;
    }
  }

  std::string picks(size_t count) {
    std::string text;
    for (size_t i = 0; i < count; ++i) {
      text += static_cast<char>('a' + pick());
    }
    return text;
  }

  std::map<int, size_t> tally(size_t count) {
    std::map<int, size_t> result;
    for (size_t i = 0; i < count; ++i) {
      ++result[pick()];
    }
    return result;
  }

  const Plan& plan() const { return plan_; }

 private:
  static Tried all_of(std::initializer_list<size_t> servers) {
    Tried tried;
    for (const size_t server : servers) {
      tried.add(server);
    }
    return tried;
  }

  std::vector<std::unique_ptr<EndpointState>> states_;
  Plan plan_;
  Cursor cursor_;
};

TEST(RoundRobin, TakesTurns) {
  Upstream upstream(Algorithm::round_robin, {1, 1, 1});
  EXPECT_EQ(upstream.picks(7), "abcabca");
  upstream.set_down(2);
  EXPECT_EQ(upstream.picks(4), "baba");
}

TEST(RoundRobin, StartsWorkersApart) {
  const Upstream upstream(Algorithm::round_robin, {1, 1, 1, 1});
  std::string first;
  for (uint32_t worker = 0; worker < 4; ++worker) {
    Cursor cursor = upstream.plan().start(worker, 4);
    first += static_cast<char>('a' + upstream.plan().pick({}, cursor));
  }
  EXPECT_EQ(first, "abcd");
}

TEST(WeightedRoundRobin, IsSmooth) {
  EXPECT_EQ(Upstream(Algorithm::weighted_round_robin, {5, 1, 1}).picks(14), "aabacaaaabacaa");
  EXPECT_EQ(Upstream(Algorithm::weighted_round_robin, {30, 10}).picks(8), "aabaaaba");
  EXPECT_EQ(Upstream(Algorithm::round_robin, {2, 1}).picks(6), "abaaba");
  EXPECT_EQ(Upstream(Algorithm::weighted_round_robin, {0, 1, 0, 1}).picks(4), "bdbd");
  EXPECT_EQ(Upstream(Algorithm::weighted_round_robin, {0, 0}).pick(), -1);
}

TEST(WeightedRoundRobin, TenThousandOfSeveralWorkersAreWithinOnePercent) {
  const std::vector<uint32_t> weights = {50, 30, 13, 7};
  for (const Algorithm algorithm :
       {Algorithm::weighted_round_robin, Algorithm::round_robin, Algorithm::least_conn}) {
    const Upstream upstream(algorithm, weights);
    std::vector<double> counts(weights.size());
    for (uint32_t worker = 0; worker < 4; ++worker) {
      Cursor cursor = upstream.plan().start(worker, 4);
      for (size_t i = 0; i < 2'500; ++i) {
        ++counts[static_cast<size_t>(upstream.plan().pick({}, cursor))];
      }
    }
    for (size_t i = 0; i < weights.size(); ++i) {
      EXPECT_NEAR(counts[i], weights[i] * 100, weights[i]) << i;
    }
  }
}

TEST(WeightedRoundRobin, KeepsTheWeightsOfTheOthersWhenOneIsDown) {
  Upstream upstream(Algorithm::weighted_round_robin, {4, 2, 6});
  upstream.set_down(2);
  auto tally = upstream.tally(6000);
  EXPECT_NEAR(static_cast<double>(tally[0]), 4000, 700);
  EXPECT_EQ(tally[0] + tally[1], 6000U);
}

TEST(WeightedRoundRobin, FindsALightServerWhenAHeavyOneIsDown) {
  Upstream upstream(Algorithm::weighted_round_robin, {10'000, 1, 3});
  upstream.set_down(0);
  auto tally = upstream.tally(4000);
  EXPECT_EQ(tally[0], 0U);
  EXPECT_NEAR(static_cast<double>(tally[1]), 1000, 150);
}

TEST(Schedule, HasEachServerByItsWeight) {
  std::vector<uint32_t> weights;
  for (uint32_t i = 0; i < 500; ++i) {
    weights.push_back(1 + i % 7);
  }
  const auto round = make_schedule(weights);
  std::vector<uint32_t> counts(weights.size());
  for (const uint32_t server : round) {
    ++counts[server];
  }
  EXPECT_EQ(counts, weights);
  // Servers of equal weight are mixed: no tenth of the round belongs to a tenth of them.
  std::map<uint32_t, int> seen;
  for (size_t i = 0; i < round.size() / 7; ++i) {
    ++seen[round[i]];
  }
  EXPECT_GT(seen.size(), 150U);
}

TEST(Schedule, BoundsTheRound) {
  EXPECT_EQ(make_schedule(std::vector<uint32_t>{1'000'000, 500'000}).size(), 3U);
  const auto round = make_schedule(std::vector<uint32_t>{1'000'003, 2, 500'009});
  EXPECT_LT(round.size(), 17'000U);
  EXPECT_EQ(std::count(round.begin(), round.end(), 1U), 1);
  EXPECT_NEAR(static_cast<double>(std::count(round.begin(), round.end(), 0U)),
              static_cast<double>(round.size()) * 2 / 3, 10);
}

TEST(LeastConn, TakesTheLeastLoaded) {
  Upstream upstream(Algorithm::least_conn, {1, 1, 1});
  upstream.set_active({3, 1, 2});
  EXPECT_EQ(upstream.picks(3), "bbb");
  upstream.set_active({3, 4, 2});
  EXPECT_EQ(upstream.pick(), 2);
  EXPECT_EQ(upstream.pick({2}), 0);
}

TEST(LeastConn, TakesTurnsAmongEquals) {
  Upstream upstream(Algorithm::least_conn, {1, 1, 1, 1});
  upstream.set_active({0, 5, 0, 0});
  EXPECT_EQ(upstream.picks(6), "acdacd");
}

TEST(LeastConn, CountsByWeight) {
  Upstream upstream(Algorithm::least_conn, {3, 1});
  upstream.set_active({5, 2});
  EXPECT_EQ(upstream.pick(), 0);
  upstream.set_active({7, 2});
  EXPECT_EQ(upstream.pick(), 1);
  upstream.set_active({0, 0});
  EXPECT_EQ(upstream.tally(400)[0], 300U);
  upstream.set_active({6, 2});
  EXPECT_EQ(upstream.tally(400)[1], 100U);
}

// Whether it looks at all of them or not.
TEST(LeastConn, SpreadsOverManyServersWithinFivePercent) {
  for (const size_t servers : {32U, 33U, 64U, 500U}) {
    Upstream upstream(Algorithm::least_conn, std::vector<uint32_t>(servers, 1));
    std::deque<int> under_way;
    std::vector<size_t> total(servers);
    for (size_t i = 0; i < 400 * servers; ++i) {
      const int server = upstream.pick();
      ASSERT_GE(server, 0);
      ++upstream.state(static_cast<size_t>(server)).active;
      ++total[static_cast<size_t>(server)];
      under_way.push_back(server);
      if (under_way.size() > 20 * servers) {
        --upstream.state(static_cast<size_t>(under_way.front())).active;
        under_way.pop_front();
      }
    }
    for (size_t i = 0; i < servers; ++i) {
      EXPECT_NEAR(static_cast<double>(total[i]), 400, 20) << i << " of " << servers;
    }
  }
}

// Whichever worker picks, and whenever: all see what the others have under way.
TEST(LeastConn, ThreadsSpreadWithinFivePercent) {
  constexpr size_t kServers = 5;
  constexpr size_t kWorkers = 4;
  constexpr size_t kHeld = 500;  // by each worker
  Upstream upstream(Algorithm::least_conn, std::vector<uint32_t>(kServers, 1));
  std::vector<std::thread> workers;
  for (uint32_t worker = 0; worker < kWorkers; ++worker) {
    workers.emplace_back([&upstream, worker] {
      Cursor cursor = upstream.plan().start(worker, kWorkers);
      std::deque<size_t> held;
      uint64_t random = worker;
      for (size_t i = 0; i < 50'000; ++i) {
        if (held.size() == kHeld) {
          random = mix64(random + 1);
          std::swap(held.front(), held[random % kHeld]);
          --upstream.state(held.front()).active;
          held.pop_front();
        }
        held.push_back(static_cast<size_t>(upstream.plan().pick({}, cursor)));
        ++upstream.state(held.back()).active;
      }
    });
  }
  for (std::thread& worker : workers) {
    worker.join();
  }
  constexpr double kIdeal = kHeld * kWorkers / static_cast<double>(kServers);
  for (size_t i = 0; i < kServers; ++i) {
    EXPECT_NEAR(upstream.state(i).active.load(), kIdeal, kIdeal / 20) << i;
  }
}

TEST(Hash, ABoundKeepsOneKeyFromDrowningItsServer) {
  std::vector<EndpointState> states(4);
  std::vector<Server> servers;
  for (size_t i = 0; i < states.size(); ++i) {
    servers.push_back({"10.0.0." + std::to_string(i) + ":80", 1, &states[i]});
  }
  const Plan plan(Algorithm::hash, servers, 0, 125);
  Cursor cursor = plan.start(0, 1);
  for (uint64_t under_way = 0; under_way < 400; ++under_way) {
    const int server = plan.pick({.key = 7, .under_way = under_way}, cursor);
    ASSERT_GE(server, 0);
    ++states[static_cast<size_t>(server)].active;
  }
  for (const EndpointState& state : states) {
    EXPECT_LE(state.active.load(), 400 / 4 * 5 / 4 + 1U);
  }
}

TEST(Random, PrefersTheLessLoadedOfTwo) {
  Upstream upstream(Algorithm::random, {1, 1, 1, 1});
  upstream.set_active({9, 0, 9, 9});
  auto tally = upstream.tally(4000);
  EXPECT_NEAR(static_cast<double>(tally[1]), 2000, 200);  // it is in half of all pairs
  upstream.set_active({0, 0, 0, 9});
  EXPECT_EQ(upstream.tally(1000)[3], 0U);
}

TEST(Random, DrawsByWeight) {
  Upstream upstream(Algorithm::random, {6, 1, 1});
  auto tally = upstream.tally(8000);
  EXPECT_GT(tally[0], 3 * tally[1]);
  EXPECT_GT(tally[1], 400U);
}

TEST(Hash, SpreadsKeysByWeight) {
  Upstream upstream(Algorithm::hash, {1, 1, 2});
  std::map<int, int> tally;
  for (uint64_t key = 0; key < 100'000; ++key) {
    ++tally[upstream.pick_key(key)];
  }
  EXPECT_NEAR(tally[0], 25'000, 5'000);
  EXPECT_NEAR(tally[1], 25'000, 5'000);
  EXPECT_NEAR(tally[2], 50'000, 7'000);
}

TEST(Hash, TakesTurnsWithoutAKey) {
  EXPECT_EQ(Upstream(Algorithm::ip_hash, {1, 1}).picks(4), "abab");
}

// Leaving servers: through their state, through `tried`, and through a new configuration.
TEST(Hash, MovesOnlyTheKeysOfAServerThatLeaves) {
  constexpr size_t kServers = 10;
  constexpr uint64_t kKeys = 20'000;
  Upstream upstream(Algorithm::ip_hash, std::vector<uint32_t>(kServers, 1));
  std::vector<int> before;
  for (uint64_t key = 0; key < kKeys; ++key) {
    before.push_back(upstream.pick_key(key));
  }
  upstream.set_down(4);
  size_t moved = 0;
  std::map<int, size_t> takers;
  for (uint64_t key = 0; key < kKeys; ++key) {
    const int now = upstream.pick_key(key);
    ASSERT_NE(now, 4);
    ASSERT_TRUE(now == before[key] || before[key] == 4);
    moved += now != before[key] ? 1U : 0U;
    takers[now] += now != before[key] ? 1U : 0U;
    upstream.state(4).set_out(Out::unhealthy, false);
    ASSERT_EQ(upstream.pick_key(key, {4}), now);
    upstream.set_down(4);
  }
  RecordProperty("moved_of_20000", static_cast<int>(moved));
  EXPECT_LT(moved, kKeys * 5 / 4 / kServers);
  EXPECT_GE(takers.size(), kServers - 1);  // no single neighbour takes them all
}

TEST(Hash, DependsOnNamesAndNotOnTheirOrder) {
  const auto servers_of = [](const std::vector<std::string>& ids,
                             std::deque<EndpointState>& states) {
    std::vector<Server> servers;
    for (const std::string& id : ids) {
      servers.push_back({id, 1, &states.emplace_back()});
    }
    return servers;
  };
  const std::vector<std::string> many = {"a:1", "b:1", "c:1", "d:1"};
  const std::vector<std::string> fewer = {"d:1", "a:1", "c:1"};
  std::deque<EndpointState> states;
  const Plan all(Algorithm::hash, servers_of(many, states));
  const Plan rest(Algorithm::hash, servers_of(fewer, states));
  Cursor cursor;
  for (uint64_t key = 0; key < 5000; ++key) {
    const auto one = static_cast<size_t>(all.pick({.key = key}, cursor));
    const auto other = static_cast<size_t>(rest.pick({.key = key}, cursor));
    ASSERT_TRUE(many[one] == fewer[other] || many[one] == "b:1");
  }
}

TEST(Ring, BoundsItsPoints) {
  EXPECT_EQ(Ring(std::vector<Ring::Member>{{"a", 1}, {"b", 2}}).size(), 480U);
  EXPECT_LE(Ring(std::vector<Ring::Member>{{"a", 1'000'000}, {"b", 1}}).size(), 2'561U);
  std::vector<Ring::Member> many;
  for (int i = 0; i < 10'000; ++i) {
    many.push_back({std::to_string(i), 5});
  }
  EXPECT_LE(Ring(many).size(), size_t{1} << 20);
  // The same address twice is two servers.
  const Ring twice(std::vector<Ring::Member>{{"a", 1}, {"a", 1}});
  std::map<uint32_t, int> tally;
  for (uint64_t key = 0; key < 1000; ++key) {
    ++tally[twice.server(twice.find(key))];
  }
  EXPECT_GT(tally[0], 300);
  EXPECT_GT(tally[1], 300);
}

class EveryAlgorithm : public testing::TestWithParam<Algorithm> {};

TEST_P(EveryAlgorithm, PicksOnlyUsableServers) {
  for (const size_t size : {1U, 2U, 3U, 50U}) {
    Upstream upstream(GetParam(), std::vector<uint32_t>(size, 2));
    for (size_t i = 0; i < size; ++i) {
      upstream.set_down(i);
    }
    EXPECT_EQ(upstream.pick(), -1);
    EXPECT_EQ(upstream.pick_key(1), -1);
    const size_t only = size / 2;
    upstream.state(only).set_out(Out::unhealthy, false);
    for (uint64_t key = 0; key < 100; ++key) {
      EXPECT_EQ(upstream.pick(), static_cast<int>(only));
      EXPECT_EQ(upstream.pick_key(key), static_cast<int>(only));
    }
    EXPECT_EQ(upstream.pick({only}), -1);
    EXPECT_EQ(upstream.pick_key(3, {only}), -1);
  }
}

TEST_P(EveryAlgorithm, KeepsTheLimit) {
  Upstream upstream(GetParam(), {1, 1}, 2);
  upstream.set_active({2, 1});
  for (uint64_t key = 0; key < 20; ++key) {
    EXPECT_EQ(upstream.pick_key(key), 1);
  }
  upstream.set_active({2, 2});
  EXPECT_EQ(upstream.pick(), -1);
}

TEST_P(EveryAlgorithm, HandlesManyServersAndNone) {
  EXPECT_EQ(Upstream(GetParam(), {}).pick(), -1);
  Upstream many(GetParam(), std::vector<uint32_t>(200, 1));
  std::map<int, int> seen;
  for (uint64_t key = 0; key < 20'000; ++key) {
    ++seen[many.pick_key(key)];
  }
  EXPECT_EQ(seen.size(), 200U);
}

INSTANTIATE_TEST_SUITE_P(Balancer, EveryAlgorithm, testing::ValuesIn(kAll));

}  // namespace
}  // namespace pingap::upstream::balancer

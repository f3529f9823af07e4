#include "upstream/backends.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace pingap::upstream {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class BackendsTest : public testing::Test {
 protected:
  BackendsTest() : loop_(std::move(*net::EventLoop::create())) {
    settings_.breaker.max_unreachable = 3;
    backends_.emplace(*loop_, settings_, 0, 1);
  }

  static std::shared_ptr<const Endpoint> endpoint(const std::string& name, uint32_t priority = 0) {
    auto made = std::make_shared<Endpoint>();
    made->name = name;
    made->priority = priority;
    made->state = std::make_shared<EndpointState>();
    return made;
  }

  void use(Endpoints endpoints) {
    backends_->update(std::make_shared<EndpointSet>(balancing_, std::move(endpoints)));
  }

  std::string pick() {
    balancer::Request request;
    Backends::Picked picked;
    return backends_->pick(request, {}, picked) ? picked.pool->endpoint().name : "none";
  }

  void fail(const Endpoint& endpoint, int times = 3, Outcome how = Outcome::unreachable) {
    for (int i = 0; i < times; ++i) {
      const auto& servers = backends_->set().endpoints();
      const auto at =
          std::ranges::find_if(servers, [&](const auto& one) { return one.get() == &endpoint; });
      Backends::Picked picked;
      ASSERT_TRUE(backends_->again(static_cast<size_t>(at - servers.begin()), picked));
      backends_->report(*picked.pool, picked.permit, picked.whole, how);
    }
  }

  void go_on(Duration time) { loop_->run_once_at(loop_->now() + time); }

  std::map<std::string, int> tally(int count) {
    std::map<std::string, int> found;
    for (int i = 0; i < count; ++i) {
      ++found[pick()];
    }
    return found;
  }

  std::unique_ptr<net::EventLoop> loop_;
  BackendsSettings settings_;
  Balancing balancing_;
  std::optional<Backends> backends_;
};

TEST_F(BackendsTest, AServerThatDoesNotAnswerIsLeftOut) {
  const auto a = endpoint("a");
  const auto b = endpoint("b");
  const auto c = endpoint("c");
  use({a, b, c});
  fail(*b);
  EXPECT_EQ(tally(12), (std::map<std::string, int>{{"a", 6}, {"c", 6}}));
  go_on(settings_.breaker.open_for);
  EXPECT_EQ(tally(12)["b"], 1);  // a probe
}

TEST_F(BackendsTest, WhenTooManyAreOutAllAreUsed) {
  const auto a = endpoint("a");
  const auto b = endpoint("b");
  settings_.max_ejected_percent = 50;
  use({a, b});
  fail(*a);
  EXPECT_EQ(tally(4), (std::map<std::string, int>{{"b", 4}}));
  fail(*b);
  EXPECT_EQ(tally(4), (std::map<std::string, int>{{"a", 2}, {"b", 2}}));
}

TEST_F(BackendsTest, OneThatStandsInIsAskedHoweverManyAreOut) {
  const Endpoints primaries{endpoint("a"), endpoint("b"), endpoint("c"), endpoint("d"),
                            endpoint("e")};
  Endpoints all = primaries;
  all.push_back(endpoint("backup", 1));
  use(all);
  for (const auto& primary : primaries) {
    fail(*primary);
  }
  EXPECT_EQ(tally(20), (std::map<std::string, int>{{"backup", 20}}));
  all.back()->state->set_out(Out::unhealthy, true);
  go_on(milliseconds(60));
  EXPECT_EQ(tally(20),
            (std::map<std::string, int>{{"a", 4}, {"b", 4}, {"c", 4}, {"d", 4}, {"e", 4}}));
}

// In each tier so many are out that none can stand in for another.
TEST_F(BackendsTest, WhenTooManyOfAllTiersAreOutTheTierThatHasOneLeftIsUsed) {
  settings_.max_ejected_percent = 40;
  const auto a = endpoint("a");
  const auto b = endpoint("b", 1);
  const auto c = endpoint("c", 1);
  use({a, b, c});
  fail(*a);
  fail(*b);
  EXPECT_EQ(tally(20), (std::map<std::string, int>{{"b", 10}, {"c", 10}}));
  fail(*c);
  EXPECT_EQ(tally(20), (std::map<std::string, int>{{"a", 20}}));
}

// By whichever limit they are out.
TEST_F(BackendsTest, WhenTooManyHaveFailedAllAreUsed) {
  settings_.breaker.max_failures = 1;
  const auto a = endpoint("a");
  const auto b = endpoint("b");
  const auto c = endpoint("c");
  use({a, b, c});
  fail(*a, 1, Outcome::failure);
  fail(*b, 1, Outcome::unreachable);
  EXPECT_EQ(tally(3), (std::map<std::string, int>{{"c", 3}}));
  EXPECT_FALSE(asks_all(settings_, backends_->set(), loop_->now()));
  fail(*c, 1, Outcome::failure);
  EXPECT_EQ(tally(3), (std::map<std::string, int>{{"a", 1}, {"b", 1}, {"c", 1}}));
  EXPECT_TRUE(asks_all(settings_, backends_->set(), loop_->now()));
}

TEST_F(BackendsTest, AllMayBeOutWhereNoShareIsTooMany) {
  settings_.breaker = {.max_percent = 50, .min_requests = 2};
  settings_.max_ejected_percent = 100;
  const auto a = endpoint("a");
  const auto b = endpoint("b");
  use({a, b});
  fail(*a, 2, Outcome::failure);
  fail(*b, 2, Outcome::failure);
  EXPECT_EQ(pick(), "none");
  settings_.max_ejected_percent = 99;
  go_on(milliseconds(60));
  EXPECT_EQ(tally(4), (std::map<std::string, int>{{"a", 2}, {"b", 2}}));
}

TEST_F(BackendsTest, ThoseWhoFailAreOutAsLongAsABackupIsThere) {
  settings_.breaker.max_failures = 1;
  const auto a = endpoint("a");
  const auto b = endpoint("b");
  use({a, b, endpoint("backup", 1)});
  fail(*a, 1, Outcome::failure);
  fail(*b, 1, Outcome::failure);
  EXPECT_EQ(tally(4), (std::map<std::string, int>{{"backup", 4}}));
}

TEST_F(BackendsTest, ThoseThatAreAllUsedAndBusyHaveRoomLater) {
  settings_.counts_active = true;
  settings_.max_active = 1;
  settings_.breaker.max_unreachable = 1;
  const auto a = endpoint("a");
  const auto b = endpoint("b");
  use({a, b});
  fail(*a, 1);  // and does not end
  fail(*b, 1);
  EXPECT_EQ(pick(), "none");
  EXPECT_TRUE(backends_->has_room_later());
}

TEST_F(BackendsTest, TheLimitsOnFailuresOfAServerThatIsAloneHold) {
  settings_.breaker.max_failures = 1;
  const auto a = endpoint("a");
  use({a});
  fail(*a, 1, Outcome::failure);
  EXPECT_EQ(pick(), "none");
  const auto chance = backends_->next_chance();
  ASSERT_TRUE(chance);
  EXPECT_LE(*chance, loop_->now() + settings_.breaker.open_for);
  EXPECT_GT(*chance, loop_->now() + settings_.breaker.open_for - milliseconds(2));
}

TEST_F(BackendsTest, ServersOfAHigherPriorityStandIn) {
  const auto a = endpoint("a");
  const auto b = endpoint("b", 1);
  const auto c = endpoint("c", 2);
  use({c, b, a});
  EXPECT_EQ(tally(4), (std::map<std::string, int>{{"a", 4}}));
  fail(*a);
  EXPECT_EQ(tally(4), (std::map<std::string, int>{{"b", 4}}));
  b->state->set_out(Out::unhealthy, true);
  EXPECT_EQ(tally(4), (std::map<std::string, int>{{"c", 4}}));
}

TEST_F(BackendsTest, TriesTheNextTierWhenOneIsTried) {
  use({endpoint("a"), endpoint("b", 1), endpoint("c", 1)});
  balancer::Request request;
  std::string order;
  for (int i = 0; i < 3; ++i) {
    Backends::Picked picked;
    ASSERT_TRUE(backends_->pick(request, {}, picked));
    order += picked.pool->endpoint().name;
    request.tried.add(picked.index);
  }
  EXPECT_EQ(order, "abc");
  Backends::Picked none;
  EXPECT_FALSE(backends_->pick(request, {}, none));
}

TEST_F(BackendsTest, TiersMayBePassedOver) {
  const auto b = endpoint("b", 1);
  use({endpoint("a"), endpoint("a"), b, endpoint("c", 2)});
  const EndpointSet& set = backends_->set();
  EXPECT_EQ(set.tier_after(1), 1);
  EXPECT_EQ(set.tier_after(2), 2);
  EXPECT_EQ(set.tier_after(3), 0);
  balancer::Request request{.least_tier = 1};
  Backends::Picked picked;
  ASSERT_TRUE(backends_->pick(request, {}, picked));
  EXPECT_EQ(picked.pool->endpoint().name, "b");
  b->state->set_out(Out::unhealthy, true);
  ASSERT_TRUE(backends_->pick(request, {}, picked));
  EXPECT_EQ(picked.pool->endpoint().name, "c");
}

// Of however many there are, those that were not tried stay to be had.
TEST_F(BackendsTest, OnlyWhatWasTriedIsPassedOver) {
  for (const uint32_t priority : {0U, 1U}) {
    Endpoints many;
    for (int i = 0; i < 66; ++i) {
      many.push_back(endpoint(std::to_string(i), i < 50 ? 0 : priority));
      many.back()->state->set_out(Out::disabled, i != 1 && i != 65);
    }
    use(many);
    balancer::Request request;
    std::set<std::string> asked;
    Backends::Picked picked;
    while (backends_->pick(request, {}, picked)) {
      asked.insert(picked.pool->endpoint().name);
      request.tried.add(picked.index);
    }
    EXPECT_EQ(asked, (std::set<std::string>{"1", "65"}));
  }
}

TEST_F(BackendsTest, AWalkOverAllServersEnds) {
  Endpoints many;
  for (int i = 0; i < 200; ++i) {
    many.push_back(endpoint(std::to_string(i)));
  }
  use(many);
  balancer::Request request;
  std::set<size_t> asked;
  Backends::Picked picked;
  while (backends_->pick(request, {}, picked)) {
    ASSERT_TRUE(asked.insert(picked.index).second);
    request.tried.add(picked.index);
  }
  EXPECT_GE(asked.size(), 64);
}

TEST_F(BackendsTest, ANewcomerGetsItsShareSlowly) {
  balancing_.slow_start = seconds(30);
  const auto c = endpoint("c");
  use({endpoint("a"), endpoint("b"), c});
  EXPECT_EQ(tally(3000)["c"], 1000);  // it was there from the start
  c->state->begin(loop_->now());
  EXPECT_NEAR(tally(3000)["c"], 143, 40);  // a tenth of what each of the others gets
  go_on(seconds(15));
  EXPECT_NEAR(tally(3000)["c"], 600, 80);
  go_on(seconds(15));
  EXPECT_EQ(tally(3000)["c"], 1000);
}

TEST_F(BackendsTest, ANewcomerThatIsAloneGetsEverything) {
  balancing_.slow_start = seconds(30);
  const auto a = endpoint("a");
  use({a, endpoint("backup", 1)});
  a->state->begin(loop_->now());
  EXPECT_EQ(tally(100)["a"], 100);
}

TEST_F(BackendsTest, AServerThatIsDrainedKeepsItsClients) {
  balancing_.sticky_secret = "s";
  const auto a = endpoint("a");
  use({a, endpoint("b")});
  const auto pick_of_client = [this] {
    balancer::Request request;
    Backends::Picked picked;
    EXPECT_TRUE(backends_->pick(request, backends_->set().token(0), picked));
    return picked.pool->endpoint().name;
  };
  a->state->set_out(Out::draining, true);
  EXPECT_EQ(pick_of_client(), "a");
  EXPECT_EQ(tally(10), (std::map<std::string, int>{{"b", 10}}));
  a->state->set_out(Out::unhealthy, true);
  EXPECT_EQ(pick_of_client(), "b");
  a->state->set_out(Out::unhealthy, false);
  a->state->set_out(Out::disabled, true);
  EXPECT_EQ(pick_of_client(), "b");
}

TEST_F(BackendsTest, AServerThatStaysKeepsItsPoolAndOneThatLeftWaitsForItsUsers) {
  const auto a = endpoint("a");
  const auto b = endpoint("b");
  use({a, b});
  const auto pool = [this](size_t index) {
    Backends::Picked picked;
    EXPECT_TRUE(backends_->again(index, picked));
    return picked.pool;
  };
  EndpointPool* kept = pool(0);
  EndpointPool* left = pool(1);
  const uint32_t version = backends_->version();
  {
    left->pin();
    use({endpoint("c"), a});
    EXPECT_NE(backends_->version(), version);
    EXPECT_EQ(pool(1), kept);
    go_on(seconds(1));
    EXPECT_EQ(left->endpoint().name, "b");  // ASan would say
    EXPECT_FALSE(left->unused());
    left->unpin();
  }
  EXPECT_TRUE(left->unused());
  go_on(seconds(1));
}

// ---- by another configuration

class InheritTest : public BackendsTest {
 protected:
  // The pool of server `index`.
  static EndpointPool* pool(Backends& of, size_t index) {
    Backends::Picked picked;
    EXPECT_TRUE(of.again(index, picked));
    return picked.pool;
  }

  // The same server, built anew with another weight.
  static std::shared_ptr<const Endpoint> anew(const Endpoint& from) {
    auto made = std::make_shared<Endpoint>(from);
    made->weight = 7;
    return made;
  }

  // The backends of another configuration, which take the place of the others.
  void go_over(Endpoints endpoints) {
    next_ = std::make_shared<BackendsSettings>(next_settings_);
    inheriting_.emplace(*loop_, *next_, 0, 1, next_);
    inheriting_->inherit(*backends_);
    inheriting_->update(std::make_shared<EndpointSet>(balancing_, std::move(endpoints)));
  }

  void SetUp() override {
    use({a_, b_});
    first_ = pool(*backends_, 0);
    second_ = pool(*backends_, 1);
  }

  const std::shared_ptr<const Endpoint> a_ = endpoint("a");
  const std::shared_ptr<const Endpoint> b_ = endpoint("b");
  BackendsSettings next_settings_;
  std::shared_ptr<BackendsSettings> next_;
  std::optional<Backends> inheriting_;
  EndpointPool* first_ = nullptr;
  EndpointPool* second_ = nullptr;
};

TEST_F(InheritTest, AServerThatStaysKeepsItsPool) {
  go_over({endpoint("c"), anew(*b_), anew(*a_)});
  EXPECT_EQ(pool(*inheriting_, 1), second_);
  EXPECT_EQ(pool(*inheriting_, 2), first_);
  EXPECT_EQ(pool(*backends_, 0), first_) << "for what has begun before";
}

TEST_F(InheritTest, APoolOutlivesBothConfigurationsWhileTheOtherOneIsUsed) {
  go_over({anew(*a_)});
  const std::weak_ptr<BackendsSettings> settings = next_;
  next_.reset();
  inheriting_.reset();
  EXPECT_FALSE(settings.expired()) << "pools go by them";
  EXPECT_EQ(pool(*backends_, 0), first_);
  backends_.reset();
  EXPECT_TRUE(settings.expired());
}

TEST_F(InheritTest, WhatWouldConnectInAnotherWayBeginsAnew) {
  next_settings_.pool.sni = "another.test";
  go_over({anew(*a_)});
  EXPECT_NE(pool(*inheriting_, 0), first_);
}

TEST_F(InheritTest, AnotherAddressOfTheSameNameIsAnotherServer) {
  auto moved = std::make_shared<Endpoint>(*a_);
  moved->address = net::Address::parse("10.0.0.1:80");
  go_over({moved});
  EXPECT_NE(pool(*inheriting_, 0), first_);
}

// Also where servers change more often than those who left are looked after.
TEST_F(BackendsTest, PoolsThatHaveLeftAreFreedWhileServersChangeAllTheTime) {
  std::vector<std::weak_ptr<const Endpoint>> left;
  for (int i = 0; i < 10; ++i) {
    auto server = endpoint(std::to_string(i));
    left.emplace_back(server);
    use({std::move(server)});
    go_on(milliseconds(500));
  }
  EXPECT_LE(std::ranges::count_if(left, [](const auto& one) { return !one.expired(); }), 2);
}

TEST_F(BackendsTest, RetriesAreAShareOfWhatIsUnderWay) {
  use({endpoint("a")});
  Backends::Picked picked;
  ASSERT_TRUE(backends_->again(0, picked));
  for (int i = 0; i < 100; ++i) {
    backends_->begin_try(*picked.pool, false);
  }
  int allowed = 0;
  while (backends_->begin_retry()) {
    ++allowed;
  }
  EXPECT_EQ(allowed, 20);
  for (int i = 0; i < 100; ++i) {
    backends_->end_try(*picked.pool);
  }
  for (int i = 0; i < 18; ++i) {
    backends_->end_retry();
  }
  EXPECT_TRUE(backends_->begin_retry());  // three at once always
  EXPECT_FALSE(backends_->begin_retry());
}

}  // namespace
}  // namespace pingap::upstream

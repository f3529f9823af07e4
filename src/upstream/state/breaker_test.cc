#include "upstream/state/breaker.h"

#include <algorithm>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace pingap::upstream {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using State = Breaker::State;
using Trip = Breaker::Trip;

class BreakerTest : public testing::Test {
 protected:
  BreakerTest() { settings_.max_unreachable = 3; }

  std::optional<Breaker::Permit> admit() { return breaker_.admit(settings_, now_); }

  Trip report(const Breaker::Permit& permit, Outcome outcome) {
    return breaker_.report(permit, outcome, settings_, now_);
  }

  // A request that goes, and how it goes.
  Trip request(Outcome outcome) {
    const auto permit = admit();
    EXPECT_TRUE(permit);
    return permit ? report(*permit, outcome) : Trip::none;
  }

  void trip() {
    for (uint32_t i = 0; i < settings_.max_unreachable; ++i) {
      request(Outcome::unreachable);
    }
    ASSERT_EQ(breaker_.state(), State::open);
  }

  BreakerSettings settings_;
  Breaker breaker_;
  TimePoint now_{minutes(1000)};
};

TEST_F(BreakerTest, OpensAfterSoManyWithoutAnAnswerInARow) {
  EXPECT_EQ(request(Outcome::unreachable), Trip::none);
  EXPECT_EQ(request(Outcome::unreachable), Trip::none);
  EXPECT_EQ(request(Outcome::success), Trip::none);
  EXPECT_EQ(request(Outcome::unreachable), Trip::none);
  EXPECT_EQ(request(Outcome::unreachable), Trip::none);
  EXPECT_TRUE(breaker_.takes(now_));
  EXPECT_EQ(request(Outcome::unreachable), Trip::unreachable);
  EXPECT_EQ(breaker_.state(), State::open);
  EXPECT_TRUE(breaker_.unreachable());
  EXPECT_FALSE(breaker_.takes(now_));
  EXPECT_FALSE(admit());
}

TEST_F(BreakerTest, BadAnswersDoNotCountAsNone) {
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(request(Outcome::failure), Trip::none);
  }
  request(Outcome::unreachable);
  request(Outcome::unreachable);
  request(Outcome::failure);  // it has answered
  request(Outcome::unreachable);
  EXPECT_EQ(breaker_.state(), State::closed);
}

TEST_F(BreakerTest, BeingLateCountsAQuarter) {
  for (int i = 0; i < 11; ++i) {
    EXPECT_EQ(request(Outcome::late), Trip::none);
  }
  EXPECT_FALSE(breaker_.calm());  // a success is to be told
  request(Outcome::success);
  EXPECT_TRUE(breaker_.calm());
  EXPECT_EQ(request(Outcome::unreachable), Trip::none);
  EXPECT_EQ(request(Outcome::unreachable), Trip::none);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(request(Outcome::late), Trip::none);
  }
  EXPECT_EQ(request(Outcome::late), Trip::unreachable);
}

TEST_F(BreakerTest, BeingLateIsNoFailure) {
  settings_ = {.max_failures = 2, .max_percent = 50, .min_requests = 2};
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(request(Outcome::late), Trip::none);
  }
  EXPECT_EQ(breaker_.state(), State::closed);
}

TEST_F(BreakerTest, AProbeThatIsLateHasFailed) {
  trip();
  now_ += settings_.open_for;
  EXPECT_EQ(request(Outcome::late), Trip::probe);
  now_ += settings_.open_for;
  EXPECT_FALSE(breaker_.takes(now_));  // twice as long
}

TEST_F(BreakerTest, NothingIsSaidByARequestThatTheClientGaveUp) {
  request(Outcome::unreachable);
  request(Outcome::unreachable);
  request(Outcome::none);
  EXPECT_EQ(request(Outcome::unreachable), Trip::unreachable);
}

TEST_F(BreakerTest, OneProbeGoesWhenItsTimeIsOverAndClosesIt) {
  trip();
  now_ += settings_.open_for - milliseconds(1);
  EXPECT_FALSE(admit());
  now_ += milliseconds(1);
  EXPECT_TRUE(breaker_.takes(now_));
  const auto probe = admit();
  ASSERT_TRUE(probe);
  EXPECT_EQ(breaker_.state(), State::half_open);
  EXPECT_FALSE(breaker_.takes(now_));
  EXPECT_FALSE(admit());
  EXPECT_EQ(report(*probe, Outcome::success), Trip::none);
  EXPECT_EQ(breaker_.state(), State::closed);
  EXPECT_TRUE(admit());
}

TEST_F(BreakerTest, AProbeThatFailsOpensItForTwiceAsLongUpToALimit) {
  trip();
  Duration open_for = settings_.open_for;
  for (int i = 0; i < 20; ++i) {
    now_ += open_for - milliseconds(1);
    ASSERT_FALSE(admit()) << i;
    now_ += milliseconds(1);
    EXPECT_EQ(request(Outcome::unreachable), Trip::probe) << i;
    open_for = std::min<Duration>(open_for * 2, settings_.open_most);
  }
  EXPECT_EQ(open_for, settings_.open_most);
}

TEST_F(BreakerTest, ForgetsHowOftenItOpenedWhenAllWasWellForLong) {
  trip();
  now_ += settings_.open_for;
  request(Outcome::unreachable);
  now_ += settings_.open_for * 2;
  request(Outcome::success);
  ASSERT_EQ(breaker_.state(), State::closed);
  trip();  // soon again: longer still
  now_ += settings_.open_for * 2;
  EXPECT_FALSE(admit());
  now_ += settings_.open_for * 2;
  request(Outcome::success);
  now_ += settings_.open_most + seconds(1);
  request(Outcome::success);
  trip();
  now_ += settings_.open_for;
  EXPECT_TRUE(admit());
}

TEST_F(BreakerTest, AProbeThatNeverAnswersIsReplaced) {
  trip();
  now_ += settings_.open_for;
  const auto lost = admit();
  ASSERT_TRUE(lost);
  now_ += settings_.open_for - milliseconds(1);
  EXPECT_FALSE(admit());
  now_ += milliseconds(1);
  const auto next = admit();
  ASSERT_TRUE(next);
  EXPECT_EQ(report(*lost, Outcome::unreachable), Trip::none);  // nobody waits for it any more
  EXPECT_EQ(breaker_.state(), State::half_open);
  report(*next, Outcome::success);
  EXPECT_EQ(breaker_.state(), State::closed);
}

TEST_F(BreakerTest, AProbeOfAClientThatLeftIsGivenBack) {
  trip();
  now_ += settings_.open_for;
  const auto probe = admit();
  ASSERT_TRUE(probe);
  report(*probe, Outcome::none);
  EXPECT_EQ(breaker_.state(), State::half_open);
  EXPECT_TRUE(admit());
}

TEST_F(BreakerTest, WantsSeveralSuccessesWithSeveralProbes) {
  settings_.successes = 3;
  settings_.probes = 2;
  trip();
  now_ += settings_.open_for;
  const auto one = admit();
  const auto two = admit();
  ASSERT_TRUE(one && two);
  EXPECT_FALSE(admit());
  report(*one, Outcome::success);
  const auto three = admit();
  ASSERT_TRUE(three);
  EXPECT_FALSE(admit());
  report(*two, Outcome::success);
  EXPECT_EQ(breaker_.state(), State::half_open);
  report(*three, Outcome::success);
  EXPECT_EQ(breaker_.state(), State::closed);
}

TEST_F(BreakerTest, WhatAnEarlierEraSaysLateIsIgnored) {
  const auto slow = admit();
  trip();
  EXPECT_EQ(report(*slow, Outcome::success), Trip::none);
  EXPECT_EQ(breaker_.state(), State::open);
  now_ += settings_.open_for;
  request(Outcome::success);
  for (int i = 0; i < 10; ++i) {
    report(*slow, Outcome::unreachable);
  }
  EXPECT_EQ(breaker_.state(), State::closed);
}

TEST_F(BreakerTest, OpensByFailuresInARow) {
  settings_.max_failures = 5;
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(request(i % 2 == 0 ? Outcome::failure : Outcome::unreachable), Trip::none);
  }
  EXPECT_EQ(request(Outcome::failure), Trip::failures);
  EXPECT_FALSE(breaker_.unreachable());
}

TEST_F(BreakerTest, EachTimeInARowThatFailuresOpenItIsTwiceAsLong) {
  settings_ = {.max_failures = 2};
  for (Duration open_for = settings_.open_for; open_for < settings_.open_most; open_for *= 2) {
    request(Outcome::failure);
    EXPECT_EQ(request(Outcome::failure), Trip::failures);
    now_ += open_for - milliseconds(1);
    ASSERT_FALSE(admit());
    now_ += milliseconds(1);
    request(Outcome::success);  // so much for the probe
    ASSERT_EQ(breaker_.state(), State::closed);
  }
}

TEST_F(BreakerTest, OpensByTheShareOfFailuresWithinTheWindow) {
  settings_ = {.max_percent = 50, .min_requests = 10, .window = seconds(10)};
  for (int i = 0; i < 9; ++i) {
    EXPECT_EQ(request(Outcome::failure), Trip::none) << "too few to say anything";
  }
  EXPECT_EQ(request(Outcome::failure), Trip::percent);
}

TEST_F(BreakerTest, OldFailuresLeaveTheWindow) {
  settings_ = {.max_percent = 50, .min_requests = 10, .window = seconds(10)};
  for (int i = 0; i < 9; ++i) {
    request(Outcome::failure);
  }
  now_ += seconds(11);
  for (int i = 0; i < 6; ++i) {
    request(Outcome::success);
  }
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(request(Outcome::failure), Trip::none);
  }
  EXPECT_EQ(request(Outcome::failure), Trip::percent);  // 6 of 12
}

TEST_F(BreakerTest, WhatAnEarlierEraSaysLateIsNotInTheWindow) {
  settings_ = {.max_percent = 50, .min_requests = 10, .window = seconds(60)};
  const auto slow = admit();
  for (int i = 0; i < 10; ++i) {
    request(Outcome::failure);
  }
  ASSERT_EQ(breaker_.state(), State::open);
  for (int i = 0; i < 20; ++i) {
    report(*slow, Outcome::failure);
  }
  now_ += settings_.open_for;
  request(Outcome::success);
  ASSERT_EQ(breaker_.state(), State::closed);
  for (int i = 0; i < 20; ++i) {
    report(*slow, Outcome::failure);
  }
  for (int i = 0; i < 9; ++i) {
    request(Outcome::success);
  }
  EXPECT_EQ(request(Outcome::failure), Trip::none);  // 1 of 10
}

// What the limit on the share of failures means, in as few words as possible.
class ShareModel {
 public:
  explicit ShareModel(const BreakerSettings& settings) : settings_(settings) {}

  // How many times it has opened or closed: what was admitted before says nothing any more.
  int era() const { return era_; }

  bool closed() const { return closed_; }

  bool takes(TimePoint now) const { return closed_ || now >= probe_at_; }

  void begin_probe(TimePoint now) { probe_at_ = now + settings_.open_for; }

  bool report(bool failed, TimePoint now) {
    const auto turn = now.time_since_epoch() / (settings_.window / 10);
    seen_.emplace_back(turn, failed);
    std::erase_if(seen_, [&](const auto& one) { return one.first + 10 <= turn; });
    const auto failures = std::ranges::count_if(seen_, [](const auto& one) { return one.second; });
    const auto all = static_cast<std::ptrdiff_t>(seen_.size());
    if (!failed || all < settings_.min_requests || failures * 100 < all * settings_.max_percent) {
      return false;
    }
    open(now);
    return true;
  }

  void report_probe(bool failed, TimePoint now) {
    if (failed) {
      open(now);
      return;
    }
    closed_ = true;
    ++era_;
  }

 private:
  void open(TimePoint now) {
    seen_.clear();
    closed_ = false;
    ++era_;
    probe_at_ = now + settings_.open_for;
  }

  const BreakerSettings& settings_;
  std::vector<std::pair<int64_t, bool>> seen_;
  TimePoint probe_at_{};
  bool closed_ = true;
  int era_ = 0;
};

TEST_F(BreakerTest, OpensByTheShareOfFailuresAsAModelDoes) {
  std::mt19937 random(2);  // NOLINT(cert-msc51-cpp): the same every time
  settings_ = {.max_percent = 40, .min_requests = 8, .window = seconds(10), .open_for = seconds(3)};
  settings_.open_most = settings_.open_for;
  ShareModel model(settings_);

  struct UnderWay {
    Breaker::Permit permit;
    int era;
  };

  std::vector<UnderWay> under_way;
  int opened = 0;
  for (int step = 0; step < 100'000; ++step) {
    now_ += milliseconds(random() % 300 + 1);
    ASSERT_EQ(breaker_.takes(now_), model.takes(now_)) << step;
    if (const auto permit = admit(); permit && model.closed()) {
      under_way.push_back({*permit, model.era()});
    } else if (permit) {
      const bool failed = random() % 3 == 0;
      model.begin_probe(now_);
      report(*permit, failed ? Outcome::failure : Outcome::success);
      model.report_probe(failed, now_);
    }
    while (under_way.size() > random() % 20) {
      const auto which = static_cast<std::ptrdiff_t>(random() % under_way.size());
      const UnderWay one = under_way[static_cast<size_t>(which)];
      under_way.erase(under_way.begin() + which);
      const bool failed = random() % 3 == 0;
      const bool trips = one.era == model.era() && model.report(failed, now_);
      ASSERT_EQ(report(one.permit, failed ? Outcome::failure : Outcome::success),
                trips ? Trip::percent : Trip::none)
          << step;
      opened += trips ? 1 : 0;
    }
  }
  EXPECT_GT(opened, 100);
}

TEST_F(BreakerTest, TheAnswerToWhatGoesAnywayClosesIt) {
  trip();
  const auto permit = breaker_.admit_anyway();
  report(permit, Outcome::unreachable);
  EXPECT_EQ(breaker_.state(), State::open);
  report(permit, Outcome::success);
  EXPECT_EQ(breaker_.state(), State::closed);
  EXPECT_EQ(breaker_.admit_anyway().kind(), Breaker::Permit::Kind::normal);
}

TEST_F(BreakerTest, WhatGoesAnywayClosesItByAsManyGoodAnswersInARowAsProbes) {
  settings_ = {.max_failures = 1, .successes = 3};
  request(Outcome::failure);
  const auto permit = breaker_.admit_anyway();
  for (const Outcome outcome : {Outcome::success, Outcome::success, Outcome::failure,
                                Outcome::success, Outcome::none, Outcome::success}) {
    report(permit, outcome);
    EXPECT_EQ(breaker_.state(), State::open);
  }
  EXPECT_EQ(breaker_.next_chance(), now_ + settings_.open_for);
  report(permit, Outcome::success);
  EXPECT_EQ(breaker_.state(), State::closed);
}

TEST_F(BreakerTest, SaysWhenTheNextMayGo) {
  EXPECT_EQ(breaker_.next_chance(), TimePoint{});
  trip();
  EXPECT_EQ(breaker_.next_chance(), now_ + settings_.open_for);
}

TEST_F(BreakerTest, ResetForgetsEverything) {
  trip();
  breaker_.reset(now_);
  EXPECT_EQ(breaker_.state(), State::closed);
  EXPECT_EQ(request(Outcome::unreachable), Trip::none);
}

TEST_F(BreakerTest, ACheckThatPassesIsAProbe) {
  trip();
  now_ += settings_.open_for - milliseconds(1);
  breaker_.pass(now_);
  EXPECT_EQ(breaker_.state(), State::open);
  now_ += milliseconds(1);
  breaker_.pass(now_);
  EXPECT_EQ(breaker_.state(), State::closed);
  trip();
  now_ += settings_.open_for;
  breaker_.pass(now_);
  EXPECT_EQ(breaker_.state(), State::open);  // for twice as long
  now_ += settings_.open_for;
  EXPECT_TRUE(admit());  // a request that may take long
  breaker_.pass(now_);
  EXPECT_EQ(breaker_.state(), State::closed);
}

TEST_F(BreakerTest, NoCheckOverrulesTheLimitsOnFailures) {
  settings_ = {.max_failures = 1};
  request(Outcome::failure);
  now_ += settings_.open_for;
  breaker_.pass(now_);
  EXPECT_EQ(breaker_.state(), State::open);
}

// Whatever happens in whatever order: never more probes at once than allowed, never a request
// while it is open, and it always comes back.
TEST_F(BreakerTest, KeepsItsLawsInAnyOrder) {
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same every time
  settings_ = {.max_unreachable = 2, .max_failures = 4, .successes = 2, .probes = 2};
  std::vector<Breaker::Permit> under_way;
  for (int step = 0; step < 200'000; ++step) {
    switch (random() % 4) {
      case 0:
      case 1: {
        const bool promised = breaker_.takes(now_);
        const auto permit = admit();
        ASSERT_EQ(promised, permit.has_value());
        if (permit) {
          under_way.push_back(*permit);
        }
        break;
      }
      case 2:
        if (!under_way.empty()) {
          const size_t which = random() % under_way.size();
          report(under_way[which], static_cast<Outcome>(random() % 4));
          under_way.erase(under_way.begin() + static_cast<std::ptrdiff_t>(which));
        }
        break;
      default:
        now_ += milliseconds(random() % 3000);
    }
    if (breaker_.state() == State::half_open) {
      const uint64_t era = under_way.empty() ? 0 : under_way.back().era();
      const auto of_now = std::count_if(under_way.begin(), under_way.end(), [&](const auto& one) {
        return one.kind() == Breaker::Permit::Kind::probe && one.era() == era;
      });
      ASSERT_LE(of_now, 2);
    }
  }
  now_ += settings_.open_most + settings_.open_for;
  for (int i = 0; i < 4 && breaker_.state() != State::closed; ++i) {
    request(Outcome::success);
  }
  EXPECT_EQ(breaker_.state(), State::closed);
}

}  // namespace
}  // namespace pingap::upstream

#include "upstream/membership.h"

#include <memory>

#include <gtest/gtest.h>

namespace pingap::upstream {
namespace {

// Says what it is told to.
class Told final : public Source {
 public:
  const std::string& name() const noexcept override { return name_; }

  void start(Report report) override { report_ = std::move(report); }

  bool settled() const noexcept override { return settled_; }

  size_t left_out() const noexcept override { return left_out_; }

  void leave_out(size_t servers) noexcept { left_out_ = servers; }

  void say(std::vector<Found> found) {
    settled_ = true;
    report_(std::move(found));
  }

 private:
  std::string name_ = "told";
  Report report_;
  bool settled_ = false;
  size_t left_out_ = 0;
};

Found found(const std::string& address, uint32_t weight = 1, uint32_t priority = 0) {
  return {"", *net::Address::parse(address), weight, priority};
}

class MembershipTest : public testing::Test {
 protected:
  void make(const std::vector<std::string>& written, bool checked = false) {
    Endpoints endpoints;
    for (const std::string& name : written) {
      auto endpoint = std::make_shared<Endpoint>();
      endpoint->name = name;
      endpoint->state = known_->state_of(name);
      endpoints.push_back(std::move(endpoint));
    }
    auto before = std::move(members_);
    members_ = std::make_unique<Membership>(Membership::Settings{{}, known_, checked, &own_},
                                            std::move(endpoints),
                                            [this](std::shared_ptr<const EndpointSet> set) {
                                              published_ = std::move(set);
                                              ++publications_;
                                            });
    members_->add_source(source_);
    members_->start();
    members_->serve(before.get());
    published_ = members_->current_set();
  }

  const EndpointState& state(const std::string& server) const { return *known_->state_of(server); }

  std::string names() const {
    std::string text;
    for (const auto& endpoint : published_->endpoints()) {
      text += endpoint->name + " ";
    }
    return text;
  }

  std::shared_ptr<KnownServers> known_ = std::make_shared<KnownServers>(1);
  OwnListeners own_;
  std::unique_ptr<Membership> members_;
  Told* told_ = new Told;
  std::shared_ptr<SharedSource> source_ =
      std::make_shared<SharedSource>(std::unique_ptr<Source>(told_));
  std::shared_ptr<const EndpointSet> published_;
  int publications_ = 0;
};

TEST_F(MembershipTest, JoinsWhatIsWrittenAndWhatIsFound) {
  make({"10.0.0.1:80"});
  EXPECT_FALSE(members_->settled());
  told_->say({found("10.0.0.2:80"), found("[::1]:80")});
  EXPECT_TRUE(members_->settled());
  EXPECT_EQ(names(), "10.0.0.1:80 10.0.0.2:80 [::1]:80 ");
  told_->say({});
  EXPECT_EQ(names(), "10.0.0.1:80 ");
}

TEST_F(MembershipTest, LeavesOutWhereWeListen) {
  own_.set({*net::Address::parse("10.0.0.2:80")});
  make({"10.0.0.2:80"});
  told_->say({found("10.0.0.2:80"), found("10.0.0.3:80")});
  EXPECT_EQ(names(), "10.0.0.2:80 10.0.0.3:80 ") << "what is written down is meant";
  EXPECT_EQ(members_->left_out(), 1U);
  told_->leave_out(2);
  EXPECT_EQ(members_->left_out(), 3U);
}

TEST_F(MembershipTest, NobodyTakesTheServersAwayByLeadingToUs) {
  own_.set({*net::Address::parse("10.0.0.2:80")});
  make({});
  told_->say({found("10.0.0.3:80")});
  told_->say({found("10.0.0.2:80")});
  EXPECT_EQ(names(), "10.0.0.3:80 ");
  EXPECT_EQ(members_->left_out(), 1U);
  told_->say({});
  EXPECT_EQ(names(), "");
  EXPECT_EQ(members_->left_out(), 0U);
}

TEST_F(MembershipTest, FollowsWhatWeListenOn) {
  own_.set({*net::Address::parse("10.0.0.2:80")});
  make({});
  told_->say({found("10.0.0.2:80")});
  EXPECT_EQ(publications_, 0);
  own_.set({*net::Address::parse("10.0.0.4:80")});
  members_->look_again();
  EXPECT_EQ(names(), "10.0.0.2:80 ");
  told_->say({found("10.0.0.2:80"), found("10.0.0.3:80")});
  own_.set({*net::Address::parse("10.0.0.3:80")});
  members_->look_again();
  EXPECT_EQ(names(), "10.0.0.2:80 ");
  members_->look_again();
  EXPECT_EQ(publications_, 3);
}

TEST_F(MembershipTest, SaysNothingWhereNothingHasChanged) {
  make({});
  told_->say({found("10.0.0.2:80")});
  told_->say({found("10.0.0.2:80")});
  EXPECT_EQ(publications_, 1);
}

TEST_F(MembershipTest, AServerThatStaysIsTheSameAndOneThatComesBackHasItsState) {
  make({});
  told_->say({found("10.0.0.1:80"), found("10.0.0.2:80")});
  const auto first = published_->endpoints()[0];
  const auto second = published_->endpoints()[1];
  told_->say({found("10.0.0.1:80")});
  EXPECT_EQ(published_->endpoints()[0], first);
  told_->say({found("10.0.0.1:80"), found("10.0.0.2:80")});
  EXPECT_EQ(published_->endpoints()[0], first);
  EXPECT_EQ(published_->endpoints()[1]->state, second->state);
  told_->say({found("10.0.0.1:80", 5), found("10.0.0.2:80")});
  EXPECT_NE(published_->endpoints()[0], first);
  EXPECT_EQ(published_->endpoints()[0]->state, first->state);
  EXPECT_EQ(published_->endpoints()[0]->weight, 5U);
}

// It is remembered from when it leaves, however long it has been there.
TEST_F(MembershipTest, AServerIsForgottenOnlyWhenItHasBeenGoneForAWhile) {
  known_ = std::make_shared<KnownServers>(1, Duration::zero());
  make({});
  told_->say({found("10.0.0.1:80")});
  const std::weak_ptr<EndpointState> state = published_->endpoints()[0]->state;
  const TimePoint there = steady_now();
  while (steady_now() == there) {
  }
  told_->say({});
  EXPECT_FALSE(state.expired());
  const TimePoint gone = steady_now();
  while (steady_now() == gone) {
  }
  told_->say({found("10.0.0.2:80")});
  EXPECT_TRUE(state.expired());
}

TEST_F(MembershipTest, TheSameServerFoundTwiceIsOne) {
  make({"10.0.0.1:80"});
  told_->say({found("10.0.0.1:80"), found("10.0.0.2:80"), found("10.0.0.2:80", 3)});
  EXPECT_EQ(names(), "10.0.0.1:80 10.0.0.2:80 ");
}

TEST_F(MembershipTest, ANewcomerWaitsForItsFirstCheck) {
  make({"10.0.0.1:80"}, true);
  EXPECT_FALSE(state("10.0.0.1:80").is_out(Out::unchecked));  // of the start
  told_->say({found("10.0.0.2:80")});
  EXPECT_FALSE(state("10.0.0.1:80").is_out(Out::unchecked));
  EXPECT_TRUE(state("10.0.0.2:80").is_out(Out::unchecked));
  EXPECT_NE(state("10.0.0.2:80").new_since, 0);
}

TEST_F(MembershipTest, OneThatComesBackWaitsForACheckAsWell) {
  make({"10.0.0.1:80"}, true);
  told_->say({found("10.0.0.2:80")});
  const auto back = known_->state_of("10.0.0.2:80");
  back->set_out(Out::unchecked, false);
  back->checked = true;
  told_->say({});
  EXPECT_FALSE(back->is_out(Out::unchecked));
  told_->say({found("10.0.0.2:80")});
  EXPECT_TRUE(back->is_out(Out::unchecked));
  EXPECT_FALSE(back->checked) << "its first check decides alone";
}

// ---- by another configuration

TEST_F(MembershipTest, WhoWasThereIsWhatItWasAndOthersAreNewcomers) {
  make({"10.0.0.1:80"}, true);
  told_->say({found("10.0.0.2:80")});
  known_->state_of("10.0.0.2:80")->set_out(Out::unchecked, false);
  known_->state_of("10.0.0.1:80")->set_out(Out::unhealthy, true);
  EXPECT_TRUE(members_->set_weight("10.0.0.2:80", 7));
  make({"10.0.0.1:80", "10.0.0.3:80"}, true);
  EXPECT_EQ(names(), "10.0.0.1:80 10.0.0.3:80 10.0.0.2:80 ");
  EXPECT_TRUE(state("10.0.0.1:80").is_out(Out::unhealthy));
  EXPECT_EQ(state("10.0.0.2:80").out, 0U);
  EXPECT_EQ(published_->endpoints()[2]->weight, 7U);
  EXPECT_TRUE(state("10.0.0.3:80").is_out(Out::unchecked));
  make({"10.0.0.2:80"}, true);  // it was found, and is written down now
  EXPECT_EQ(state("10.0.0.2:80").out, 0U);
  EXPECT_EQ(published_->endpoints()[0]->weight, 7U);
}

TEST_F(MembershipTest, WhereNobodyStaysTheNewOnesServeAsAtAStart) {
  make({"10.0.0.1:80"}, true);
  make({"10.0.0.2:80"}, true);
  EXPECT_EQ(state("10.0.0.2:80").out, 0U);
}

TEST_F(MembershipTest, NothingIsPublishedOrChangedBeforeItServes) {
  make({"10.0.0.1:80"}, true);
  int publications = 0;
  Membership next({{}, known_, true, &own_}, {},
                  [&](const std::shared_ptr<const EndpointSet>&) { ++publications; });
  next.add_source(source_);
  next.start();
  told_->say({found("10.0.0.1:80"), found("10.0.0.2:80")});
  known_->state_of("10.0.0.2:80")->set_out(Out::unchecked, false);
  told_->say({found("10.0.0.1:80"), found("10.0.0.2:80"), found("10.0.0.3:80")});
  EXPECT_EQ(publications, 0);
  EXPECT_FALSE(state("10.0.0.2:80").is_out(Out::unchecked));
  next.serve(members_.get());
  EXPECT_FALSE(state("10.0.0.2:80").is_out(Out::unchecked));
}

TEST_F(MembershipTest, AWeightThatIsSetHolds) {
  make({"10.0.0.1:80"});
  told_->say({found("10.0.0.2:80")});
  EXPECT_TRUE(members_->set_weight("10.0.0.1:80", 7));
  EXPECT_TRUE(members_->set_weight("10.0.0.2:80", 0));
  EXPECT_FALSE(members_->set_weight("10.0.0.3:80", 1));
  const auto first = published_->endpoints()[0];
  EXPECT_EQ(first->weight, 7U);
  EXPECT_EQ(published_->endpoints()[1]->weight, 0U);
  told_->say({found("10.0.0.2:80"), found("10.0.0.3:80")});
  EXPECT_EQ(published_->endpoints()[0], first);
  EXPECT_EQ(published_->endpoints()[1]->weight, 0U);
}

}  // namespace
}  // namespace pingap::upstream

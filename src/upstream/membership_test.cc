#include "upstream/membership.h"

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
      endpoint->state = std::make_shared<EndpointState>();
      endpoints.push_back(std::move(endpoint));
    }
    members_.emplace(Membership::Settings{{}, 1, checked, memory_, &own_}, std::move(endpoints),
                     [this](std::shared_ptr<const EndpointSet> set) {
                       published_ = std::move(set);
                       ++publications_;
                     });
    auto source = std::make_unique<Told>();
    source_ = source.get();
    members_->add_source(std::make_shared<SharedSource>(std::move(source)));
    members_->start();
  }

  std::string names() const {
    std::string text;
    for (const auto& endpoint : published_->endpoints()) {
      text += endpoint->name + " ";
    }
    return text;
  }

  Duration memory_ = std::chrono::minutes(10);
  OwnListeners own_;
  std::optional<Membership> members_;
  Told* source_ = nullptr;
  std::shared_ptr<const EndpointSet> published_;
  int publications_ = 0;
};

TEST_F(MembershipTest, JoinsWhatIsWrittenAndWhatIsFound) {
  make({"10.0.0.1:80"});
  EXPECT_FALSE(members_->settled());
  source_->say({found("10.0.0.2:80"), found("[::1]:80")});
  EXPECT_TRUE(members_->settled());
  EXPECT_EQ(names(), "10.0.0.1:80 10.0.0.2:80 [::1]:80 ");
  source_->say({});
  EXPECT_EQ(names(), "10.0.0.1:80 ");
}

TEST_F(MembershipTest, LeavesOutWhereWeListen) {
  own_.set({*net::Address::parse("10.0.0.2:80")});
  make({"10.0.0.2:80"});
  source_->say({found("10.0.0.2:80"), found("10.0.0.3:80")});
  EXPECT_EQ(names(), "10.0.0.2:80 10.0.0.3:80 ") << "what is written down is meant";
  EXPECT_EQ(members_->left_out(), 1U);
  source_->leave_out(2);
  EXPECT_EQ(members_->left_out(), 3U);
}

TEST_F(MembershipTest, NobodyTakesTheServersAwayByLeadingToUs) {
  own_.set({*net::Address::parse("10.0.0.2:80")});
  make({});
  source_->say({found("10.0.0.3:80")});
  source_->say({found("10.0.0.2:80")});
  EXPECT_EQ(names(), "10.0.0.3:80 ");
  EXPECT_EQ(members_->left_out(), 1U);
  source_->say({});
  EXPECT_EQ(names(), "");
  EXPECT_EQ(members_->left_out(), 0U);
}

TEST_F(MembershipTest, FollowsWhatWeListenOn) {
  own_.set({*net::Address::parse("10.0.0.2:80")});
  make({});
  source_->say({found("10.0.0.2:80")});
  EXPECT_EQ(publications_, 0);
  own_.set({*net::Address::parse("10.0.0.4:80")});
  members_->look_again();
  EXPECT_EQ(names(), "10.0.0.2:80 ");
  source_->say({found("10.0.0.2:80"), found("10.0.0.3:80")});
  own_.set({*net::Address::parse("10.0.0.3:80")});
  members_->look_again();
  EXPECT_EQ(names(), "10.0.0.2:80 ");
  members_->look_again();
  EXPECT_EQ(publications_, 3);
}

TEST_F(MembershipTest, SaysNothingWhereNothingHasChanged) {
  make({});
  source_->say({found("10.0.0.2:80")});
  source_->say({found("10.0.0.2:80")});
  EXPECT_EQ(publications_, 1);
}

TEST_F(MembershipTest, AServerThatStaysIsTheSameAndOneThatComesBackHasItsState) {
  make({});
  source_->say({found("10.0.0.1:80"), found("10.0.0.2:80")});
  const auto first = published_->endpoints()[0];
  const auto second = published_->endpoints()[1];
  source_->say({found("10.0.0.1:80")});
  EXPECT_EQ(published_->endpoints()[0], first);
  source_->say({found("10.0.0.1:80"), found("10.0.0.2:80")});
  EXPECT_EQ(published_->endpoints()[0], first);
  EXPECT_EQ(published_->endpoints()[1]->state, second->state);
  source_->say({found("10.0.0.1:80", 5), found("10.0.0.2:80")});
  EXPECT_NE(published_->endpoints()[0], first);
  EXPECT_EQ(published_->endpoints()[0]->state, first->state);
  EXPECT_EQ(published_->endpoints()[0]->weight, 5U);
}

// It is remembered from when it leaves, however long it has been there.
TEST_F(MembershipTest, AServerIsForgottenOnlyWhenItHasBeenGoneForAWhile) {
  memory_ = {};
  make({});
  source_->say({found("10.0.0.1:80")});
  const std::weak_ptr<EndpointState> state = published_->endpoints()[0]->state;
  const TimePoint there = steady_now();
  while (steady_now() == there) {
  }
  source_->say({});
  EXPECT_FALSE(state.expired());
  const TimePoint gone = steady_now();
  while (steady_now() == gone) {
  }
  source_->say({found("10.0.0.2:80")});
  EXPECT_TRUE(state.expired());
}

TEST_F(MembershipTest, TheSameServerFoundTwiceIsOne) {
  make({"10.0.0.1:80"});
  source_->say({found("10.0.0.1:80"), found("10.0.0.2:80"), found("10.0.0.2:80", 3)});
  EXPECT_EQ(names(), "10.0.0.1:80 10.0.0.2:80 ");
}

TEST_F(MembershipTest, ANewcomerWaitsForItsFirstCheck) {
  make({}, true);
  source_->say({found("10.0.0.1:80")});
  EXPECT_FALSE(published_->endpoints()[0]->state->is_out(Out::unchecked));  // of the start
  members_->serve();
  source_->say({found("10.0.0.1:80"), found("10.0.0.2:80")});
  EXPECT_FALSE(published_->endpoints()[0]->state->is_out(Out::unchecked));
  EXPECT_TRUE(published_->endpoints()[1]->state->is_out(Out::unchecked));
}

TEST_F(MembershipTest, AWeightThatIsSetHolds) {
  make({"10.0.0.1:80"});
  source_->say({found("10.0.0.2:80")});
  EXPECT_TRUE(members_->set_weight("10.0.0.1:80", 7));
  EXPECT_TRUE(members_->set_weight("10.0.0.2:80", 0));
  EXPECT_FALSE(members_->set_weight("10.0.0.3:80", 1));
  const auto first = published_->endpoints()[0];
  EXPECT_EQ(first->weight, 7U);
  EXPECT_EQ(published_->endpoints()[1]->weight, 0U);
  source_->say({found("10.0.0.2:80"), found("10.0.0.3:80")});
  EXPECT_EQ(published_->endpoints()[0], first);
  EXPECT_EQ(published_->endpoints()[1]->weight, 0U);
}

}  // namespace
}  // namespace pingap::upstream

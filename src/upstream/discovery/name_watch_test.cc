#include "upstream/discovery/name_watch.h"

#include <optional>

#include <gtest/gtest.h>

#include "upstream/discovery/fake_resolver.h"

namespace pingap::upstream {
namespace {

using std::chrono::seconds;

class NameWatchTest : public testing::Test {
 protected:
  NameWatchTest() : loop_(std::move(*net::EventLoop::create())) {}

  void start(const std::string& name = "a.test") {
    watch_.emplace(*loop_, resolver_, settings_, name, [this] { ++changes_; });
    watch_->start();
    pass(seconds(0));
  }

  // Lets time go by; timers have ticks of 8 ms.
  void pass(Duration time) {
    loop_->run_once_at(loop_->now() + time + std::chrono::milliseconds(20));
  }

  std::string known() const {
    std::string text;
    for (const IpAddress& ip : watch_->addresses()) {
      char room[46];
      text += (text.empty() ? "" : " ") + std::string(ip.format(room));
    }
    return text;
  }

  size_t waiting() const { return resolver_.asked.size(); }

  std::unique_ptr<net::EventLoop> loop_;
  FakeResolver resolver_;
  NameSettings settings_{"u", AddressFilter(), {}, false};
  std::optional<NameWatch> watch_;
  int changes_ = 0;
};

TEST_F(NameWatchTest, TellsOfChangesAndOfNothingElse) {
  start();
  resolver_.answer(found({"10.0.0.2", "10.0.0.1"}, 5));
  EXPECT_EQ(known(), "10.0.0.1 10.0.0.2");
  EXPECT_EQ(changes_, 1);
  pass(seconds(4));
  EXPECT_EQ(waiting(), 0U);
  pass(seconds(1));
  ASSERT_EQ(waiting(), 1U);
  resolver_.answer(found({"10.0.0.1", "10.0.0.2", "10.0.0.1"}, 5));  // another order, one twice
  EXPECT_EQ(changes_, 1);
  pass(seconds(5));
  resolver_.answer(found({"10.0.0.3"}, 5));
  EXPECT_EQ(known(), "10.0.0.3");
  EXPECT_EQ(changes_, 2);
}

TEST_F(NameWatchTest, TheBetterFamilyIsFirst) {
  start();
  resolver_.answer(found({"fd00::2", "10.0.0.1", "fd00::1"}));
  EXPECT_EQ(known(), "fd00::1 fd00::2 10.0.0.1");
}

TEST_F(NameWatchTest, AFailureChangesNothing) {
  start();
  resolver_.answer(found({"10.0.0.1"}, 1));
  for (int i = 0; i < 50; ++i) {
    pass(seconds(30));
    ASSERT_EQ(waiting(), 1U);
    resolver_.answer(not_found(Verdict::failed));
  }
  EXPECT_EQ(known(), "10.0.0.1");
  EXPECT_EQ(changes_, 1);
}

TEST_F(NameWatchTest, ANameThatIsGoneIsBelievedTheThirdTime) {
  start();
  resolver_.answer(found({"10.0.0.1"}, 1));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(known(), "10.0.0.1");
    pass(seconds(30));
    resolver_.answer(not_found(Verdict::gone));
    ASSERT_EQ(waiting(), 1U);  // the family that was there, alone
    EXPECT_EQ(resolver_.asked.front().family, Family::ipv4);
    resolver_.answer(not_found(Verdict::gone));
  }
  EXPECT_EQ(known(), "");
  EXPECT_EQ(changes_, 2);
  pass(seconds(30));
  resolver_.answer(found({"10.0.0.1"}, 1));
  EXPECT_EQ(known(), "10.0.0.1");
}

TEST_F(NameWatchTest, OneFamilyThatFailsIsNotTakenForOneThatIsGone) {
  start();
  resolver_.answer(found({"10.0.0.1"}, 1));
  for (int i = 0; i < 10; ++i) {
    pass(seconds(30));
    resolver_.answer(not_found(Verdict::gone));    // of both: the last to answer had nothing
    resolver_.answer(not_found(Verdict::failed));  // of the one that counts
    EXPECT_EQ(known(), "10.0.0.1");
  }
}

TEST_F(NameWatchTest, TheFamilyThatFailedKeepsItsAddresses) {
  start();
  resolver_.answer(found({"fd00::1", "10.0.0.1"}, 60));
  pass(seconds(60));
  resolver_.answer(found({"10.0.0.2"}, 60));
  ASSERT_EQ(waiting(), 1U);
  EXPECT_EQ(resolver_.asked.front().family, Family::ipv6);
  resolver_.answer(not_found(Verdict::failed));
  EXPECT_EQ(known(), "10.0.0.2 fd00::1");
  pass(seconds(1));  // not a minute
  ASSERT_EQ(waiting(), 1U);
}

TEST_F(NameWatchTest, AFamilyThatIsGoneIsGoneAtOnce) {
  start();
  resolver_.answer(found({"fd00::1", "10.0.0.1"}, 60));
  pass(seconds(60));
  resolver_.answer(found({"10.0.0.1"}, 60));
  resolver_.answer(not_found(Verdict::gone));
  EXPECT_EQ(known(), "10.0.0.1");
}

TEST_F(NameWatchTest, WithOneFamilyNothingElseIsAskedFor) {
  settings_.ipv4_only = true;
  start();
  EXPECT_EQ(resolver_.asked.front().family, Family::ipv4);
  resolver_.answer(found({"10.0.0.1"}, 1));
  pass(seconds(1));
  resolver_.answer(not_found(Verdict::gone));
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(NameWatchTest, ANameThatDoesNotResolveYetIsSettled) {
  start();
  EXPECT_FALSE(watch_->settled());
  resolver_.answer(not_found(Verdict::failed));
  EXPECT_TRUE(watch_->settled());
  EXPECT_EQ(changes_, 1);
  pass(seconds(1));
  resolver_.answer(found({"10.0.0.1"}));
  EXPECT_EQ(known(), "10.0.0.1");
}

TEST_F(NameWatchTest, RefusedAddressesAreLeftOut) {
  start();
  resolver_.answer(found({"127.0.0.1", "10.0.0.1", "169.254.169.254", "::1"}));
  EXPECT_EQ(known(), "10.0.0.1");
}

TEST_F(NameWatchTest, RefusedAddressesAloneChangeNothing) {
  start();
  resolver_.answer(found({"10.0.0.1"}, 1));
  for (int i = 0; i < 5; ++i) {
    pass(seconds(30));
    resolver_.answer(found({"127.0.0.1"}, 1));
    EXPECT_EQ(known(), "10.0.0.1");
  }
}

TEST_F(NameWatchTest, NamesOfThisMachineMayLeadToIt) {
  start("a.localhost");
  resolver_.answer(found({"127.0.0.1"}));
  EXPECT_EQ(known(), "127.0.0.1");
  start("b.test");
  AddressAnswer answer = found({"127.0.0.2"});
  answer.from_hosts = true;
  resolver_.answer(answer);
  EXPECT_EQ(known(), "127.0.0.2");
}

TEST_F(NameWatchTest, TheNumberOfAddressesIsBounded) {
  start();
  AddressAnswer answer = found({"10.0.0.1"});
  for (unsigned i = 0; i < 10'000; ++i) {
    IpAddress ip = answer.addresses.front();
    ip.bytes[2] = static_cast<uint8_t>(i >> 8);
    ip.bytes[3] = static_cast<uint8_t>(i);
    answer.addresses.push_back(ip);
  }
  resolver_.answer(answer);
  EXPECT_EQ(watch_->addresses().size(), NameWatch::kMost);
}

TEST_F(NameWatchTest, AnAnswerForOneThatIsGoneGoesNowhere) {
  start();
  watch_.reset();
  resolver_.answer(found({"10.0.0.1"}));
  EXPECT_EQ(changes_, 0);
}

}  // namespace
}  // namespace pingap::upstream

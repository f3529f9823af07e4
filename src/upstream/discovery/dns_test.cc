#include "upstream/discovery/dns.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "upstream/discovery/fake_resolver.h"

namespace pingap::upstream {
namespace {

using std::chrono::seconds;

class DnsTest : public testing::Test {
 protected:
  DnsTest() : loop_(std::move(*net::EventLoop::create())) {}

  void start(Source& source) {
    source.start([this](const std::vector<Found>& servers) {
      ++reports_;
      servers_.clear();
      for (const Found& one : servers) {
        servers_ += fmt::format("{} {} w{} p{}\n", one.host, one.address.to_string(), one.weight,
                                one.priority);
      }
    });
    EXPECT_EQ(reports_, 0);
    pass(seconds(0));
  }

  void pass(Duration time) {
    loop_->run_once_at(loop_->now() + time + std::chrono::milliseconds(20));
  }

  // Answers the question for a name, whatever its turn.
  template <class Answer>
  void answer(const std::string& name, Answer with) {
    const auto one = std::ranges::find(resolver_.asked, name, &FakeResolver::Asked::name);
    ASSERT_NE(one, resolver_.asked.end()) << name;
    std::rotate(resolver_.asked.begin(), one, one + 1);
    resolver_.answer(std::move(with));
  }

  std::unique_ptr<net::EventLoop> loop_;
  FakeResolver resolver_;
  NameSettings settings_{"u", AddressFilter(), {}, false};
  int reports_ = 0;
  std::string servers_;
};

TEST_F(DnsTest, EachAddressOfAHostIsAServer) {
  HostSource source(*loop_, resolver_, settings_, "a.test", {8080, 3, 0});
  EXPECT_EQ(source.name(), "dns a.test:8080");
  start(source);
  EXPECT_FALSE(source.settled());
  answer("a.test", found({"fd00::1", "10.0.0.2", "10.0.0.1"}));
  EXPECT_TRUE(source.settled());
  EXPECT_EQ(servers_,
            "a.test [fd00::1]:8080 w3 p0\n"
            "a.test 10.0.0.1:8080 w3 p1\n"
            "a.test 10.0.0.2:8080 w3 p1\n");
}

TEST_F(DnsTest, AHostThatIsNotKnownYetReportsNothing) {
  HostSource source(*loop_, resolver_, settings_, "a.test", {80, 1, 0});
  start(source);
  answer("a.test", not_found(Verdict::gone));
  EXPECT_TRUE(source.settled());
  EXPECT_EQ(reports_, 0);
}

TEST_F(DnsTest, AHostThatIsGoneReportsThat) {
  HostSource source(*loop_, resolver_, settings_, "a.test", {80, 1, 0});
  start(source);
  answer("a.test", found({"10.0.0.1"}, 1));
  for (int i = 0; i < 3; ++i) {
    pass(seconds(30));
    answer("a.test", not_found(Verdict::gone));
    answer("a.test", not_found(Verdict::gone));
  }
  EXPECT_EQ(reports_, 2);
  EXPECT_EQ(servers_, "");
}

TEST_F(DnsTest, RecordsOfAServiceSayPortWeightAndPriority) {
  ServiceSource source(*loop_, resolver_, settings_, "_http._tcp.test", 0);
  start(source);
  answer("_http._tcp.test", services({{"b.test", 81, 20, 5000}, {"a.test", 80, 10, 0}}));
  EXPECT_FALSE(source.settled());
  pass(seconds(0));
  answer("b.test", found({"10.0.0.2"}));
  EXPECT_EQ(reports_, 0);  // not half of it
  answer("a.test", found({"fd00::1", "10.0.0.1"}));
  EXPECT_TRUE(source.settled());
  EXPECT_EQ(servers_,
            "a.test [fd00::1]:80 w1 p20\n"
            "a.test 10.0.0.1:80 w1 p21\n"
            "b.test 10.0.0.2:81 w1000 p40\n");
}

TEST_F(DnsTest, RecordsThatNameNoServerAreLeftOut) {
  ServiceSource source(*loop_, resolver_, settings_, "s.test", 0);
  start(source);
  answer("s.test", services({{".", 80, 0, 0},
                             {"", 80, 0, 0},
                             {"a b", 80, 0, 0},
                             {"x.test", 0, 0, 0},
                             {"a.test", 80, 0, 1}}));
  pass(seconds(0));
  answer("a.test", found({"10.0.0.1"}));
  EXPECT_EQ(servers_, "a.test 10.0.0.1:80 w1 p0\n");
  EXPECT_TRUE(resolver_.asked.empty());
}

TEST_F(DnsTest, AHostThatStaysInAServiceIsNotAskedForAnew) {
  ServiceSource source(*loop_, resolver_, settings_, "s.test", 0);
  start(source);
  answer("s.test", services({{"a.test", 80, 0, 1}}, 5));
  pass(seconds(0));
  answer("a.test", found({"10.0.0.1"}, 300));
  pass(seconds(5));
  answer("s.test", services({{"a.test", 80, 0, 1}, {"b.test", 80, 0, 1}}, 5));
  pass(seconds(0));
  EXPECT_EQ(servers_, "a.test 10.0.0.1:80 w1 p0\n");
  ASSERT_EQ(resolver_.asked.size(), 1U);
  answer("b.test", found({"10.0.0.2"}, 300));
  EXPECT_EQ(servers_, "a.test 10.0.0.1:80 w1 p0\nb.test 10.0.0.2:80 w1 p0\n");
  pass(seconds(5));
  answer("s.test", services({{"b.test", 80, 0, 1}}, 5));
  EXPECT_EQ(servers_, "b.test 10.0.0.2:80 w1 p0\n");
}

TEST_F(DnsTest, AServiceThatFailsKeepsItsServers) {
  ServiceSource source(*loop_, resolver_, settings_, "s.test", 0);
  start(source);
  answer("s.test", services({{"a.test", 80, 0, 1}}, 1));
  pass(seconds(0));
  answer("a.test", found({"10.0.0.1"}, 300));
  for (int i = 0; i < 20; ++i) {
    pass(seconds(30));
    answer("s.test", ServiceAnswer{Verdict::failed, "Timeout", {}, {}});
    std::erase_if(resolver_.asked, [](const auto& one) { return !one.service; });
  }
  EXPECT_EQ(reports_, 1);
}

TEST_F(DnsTest, NewRecordsThatLeadNowhereKeepTheServersOfBefore) {
  ServiceSource source(*loop_, resolver_, settings_, "s.test", 0);
  start(source);
  answer("s.test", services({{"a.test", 80, 0, 1}}, 1));
  pass(seconds(0));
  answer("a.test", found({"10.0.0.1"}, 300));
  pass(seconds(1));
  answer("s.test", services({{"b.test", 80, 0, 1}}, 1));
  pass(seconds(0));
  answer("b.test", not_found(Verdict::failed));
  EXPECT_EQ(servers_, "a.test 10.0.0.1:80 w1 p0\n");
}

TEST_F(DnsTest, AServiceThatIsNotOfferedAnyMoreIsGone) {
  ServiceSource source(*loop_, resolver_, settings_, "s.test", 0);
  start(source);
  answer("s.test", services({{"a.test", 80, 0, 1}}, 1));
  pass(seconds(0));
  answer("a.test", found({"10.0.0.1"}, 300));
  for (int i = 0; i < 3; ++i) {
    EXPECT_NE(servers_, "");
    pass(seconds(30));
    answer("s.test", services({{".", 0, 0, 0}}));
  }
  EXPECT_EQ(servers_, "");
}

}  // namespace
}  // namespace pingap::upstream

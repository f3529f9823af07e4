#include "proxy/live_upstreams.h"

#include <gtest/gtest.h>

#include "config/loader.h"
#include "net/socket.h"

namespace pingap::proxy {
namespace {

using Order = LiveUpstreams::Order;

class LiveUpstreamsTest : public testing::Test {
 protected:
  LiveUpstreamsTest() : loop_(std::move(*net::EventLoop::create())) {
    snapshot_ = build(servers_);
    server_.emplace(snapshot_);
    live_.emplace(*loop_, snapshot_, *server_);
    live_->serve();
  }

  // With these keys of the upstream.
  std::shared_ptr<const Snapshot> build(const std::string& keys) {
    config::Diagnostics diagnostics;
    const config::Model model = config::load(
        {{"t", "[upstreams.u]\n" + keys +
                   "[locations.l]\nupstream = 'u'\n[servers.s]\naddr = '127.0.0.1:0'\nlocations = "
                   "['l']\n"}},
        diagnostics);
    auto built = build_snapshot(model, diagnostics, Finding::later, snapshot_.get());
    EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.render();
    return built;
  }

  LiveUpstreams::ServerReport report(size_t index) { return live_->report().at(index); }

  const std::string servers_ = "addrs = ['127.0.0.1:1', '127.0.0.1:2']\nweights = [3, 1]\n";
  std::unique_ptr<net::EventLoop> loop_;
  std::shared_ptr<const Snapshot> snapshot_;
  std::optional<Server> server_;
  std::optional<LiveUpstreams> live_;
};

TEST_F(LiveUpstreamsTest, SaysHowServersAre) {
  ASSERT_EQ(live_->report().size(), 2U);
  EXPECT_EQ(report(0).upstream, "u");
  EXPECT_EQ(report(0).server, "127.0.0.1:1");
  EXPECT_EQ(report(0).state, "up");
  EXPECT_EQ(report(0).weight, 3U);
  EXPECT_EQ(report(1).to_string(),
            "upstream u: 127.0.0.1:2 is up, weight 1; requests 0 (0 repeated, 0 failed, 0 without "
            "an answer), connections 0 (0 opened, 0 times reused)");
}

TEST_F(LiveUpstreamsTest, ServersDoAsTheyAreTold) {
  EXPECT_TRUE(live_->set("u", "127.0.0.1:1", Order::drain));
  EXPECT_EQ(report(0).state, "draining");
  EXPECT_TRUE(live_->set("u", "127.0.0.1:1", Order::disable));
  EXPECT_EQ(report(0).state, "disabled");
  EXPECT_EQ(report(1).state, "up");
  EXPECT_TRUE(live_->set("u", "127.0.0.1:1", Order::enable));
  EXPECT_EQ(report(0).state, "up");
  EXPECT_TRUE(live_->set_weight("u", "127.0.0.1:2", 7));
  EXPECT_EQ(report(1).weight, 7U);
}

TEST_F(LiveUpstreamsTest, WhatServersWereToldOutlivesAConfiguration) {
  live_->set("u", "127.0.0.1:1", Order::drain);
  live_->set_weight("u", "127.0.0.1:2", 7);
  const auto next = build(servers_ + "read_timeout = '1s'\n");
  live_->prepare(*next);
  const ClusterSets sets = live_->commit(next);
  ASSERT_EQ(sets.size(), 1U);
  EXPECT_EQ(sets.at(next->clusters[0]->index)->endpoints()[1]->weight, 7U);
  EXPECT_EQ(report(0).state, "draining");
  EXPECT_EQ(report(1).weight, 7U);
}

// Until then those of before decide, and nothing may be said of servers that both have.
TEST_F(LiveUpstreamsTest, ChecksBeginWithTheConfigurationThatAsksForThem) {
  const net::Fd socket = std::move(*net::listen_on(*net::Address::parse("127.0.0.1:0")));
  const auto asked = [&] {
    loop_->run_once_at(loop_->now() + std::chrono::seconds(2));
    return net::Fd(::accept(socket.get(), nullptr, nullptr)).get() >= 0;
  };
  const auto next = build("addrs = ['" + net::local_address(socket.get()).to_string() +
                          "']\nhealth_check = 'tcp://h'\n");
  live_->prepare(*next);
  EXPECT_FALSE(asked());
  live_->commit(next);
  EXPECT_TRUE(asked());
}

TEST_F(LiveUpstreamsTest, NobodyElseIsTold) {
  EXPECT_FALSE(live_->set("v", "127.0.0.1:1", Order::drain));
  EXPECT_FALSE(live_->set("u", "127.0.0.1:3", Order::drain));
  EXPECT_FALSE(live_->set_weight("u", "127.0.0.1:3", 1));
  EXPECT_FALSE(live_->set_weight("v", "127.0.0.1:1", 1));
}

}  // namespace
}  // namespace pingap::proxy

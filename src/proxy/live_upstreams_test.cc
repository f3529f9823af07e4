#include "proxy/live_upstreams.h"

#include <gtest/gtest.h>

#include "config/loader.h"

namespace pingap::proxy {
namespace {

using Order = LiveUpstreams::Order;

class LiveUpstreamsTest : public testing::Test {
 protected:
  LiveUpstreamsTest() : loop_(std::move(*net::EventLoop::create())) {
    config::Diagnostics diagnostics;
    const config::Model model = config::load(
        {{"t",
          "[upstreams.u]\naddrs = ['127.0.0.1:1', '127.0.0.1:2']\nweights = [3, 1]\n"
          "[locations.l]\nupstream = 'u'\n[servers.s]\naddr = '127.0.0.1:0'\nlocations = ['l']\n"}},
        diagnostics);
    snapshot_ = build_snapshot(model, diagnostics);
    EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.render();
    server_.emplace(snapshot_);
    live_.emplace(*loop_, snapshot_, *server_);
  }

  LiveUpstreams::ServerReport report(size_t index) { return live_->report().at(index); }

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

TEST_F(LiveUpstreamsTest, NobodyElseIsTold) {
  EXPECT_FALSE(live_->set("v", "127.0.0.1:1", Order::drain));
  EXPECT_FALSE(live_->set("u", "127.0.0.1:3", Order::drain));
  EXPECT_FALSE(live_->set_weight("u", "127.0.0.1:3", 1));
  EXPECT_FALSE(live_->set_weight("v", "127.0.0.1:1", 1));
}

}  // namespace
}  // namespace pingap::proxy

#include "upstream/pool.h"

#include <sys/socket.h>

#include <gtest/gtest.h>

#include "net/socket.h"

namespace pingap::upstream {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

// For requests of which only the connection matters.
class Ignores final : public http::ResponseSink {
 public:
  void on_connected() noexcept override {}

  void on_head(http::ResponseHead& /*head*/, End /*end*/) noexcept override {}

  void on_body(ByteQueue& /*data*/, End /*end*/) noexcept override {}

  void on_trailers(http::HeaderMap& /*trailers*/) noexcept override {}

  void on_sent(size_t /*bytes*/) noexcept override {}

  void on_closed(const Error& /*why*/) noexcept override {}
};

// A pool of one unused connection, made in advance, to a server that only takes connections.
class PoolTest : public testing::Test {
 protected:
  PoolTest()
      : loop_(std::move(*net::EventLoop::create())),
        listener_(std::move(*net::listen_on(*net::Address::parse("127.0.0.1:0")))) {
    settings_.session.connect_timeout = minutes(60);
    auto server = std::make_shared<Endpoint>();
    server->name = "a";
    server->address = net::local_address(listener_.get());
    server->state = std::make_shared<EndpointState>();
    server_ = std::move(server);
    keep(1);
  }

  // So many unused connections.
  void keep(uint32_t count) {
    settings_.max_idle = settings_.min_idle = count;
    pool_.emplace(*loop_, server_, settings_, counts_);
  }

  uint64_t closed(Closed why) const {
    ServerTotals totals;
    counts_.add_to(totals);
    return totals.closed[static_cast<size_t>(why)];
  }

  // The server closes the connection that it has longest.
  void server_closes() {
    const uint64_t before = closed(Closed::by_peer);
    int taken = -1;
    for (int i = 0; i < 100 && taken < 0; ++i) {
      loop_->run_once(std::chrono::milliseconds(10));
      taken = ::accept(listener_.get(), nullptr, nullptr);
    }
    net::Fd(taken).reset();
    for (int i = 0; i < 100 && closed(Closed::by_peer) == before; ++i) {
      loop_->run_once(std::chrono::milliseconds(10));
    }
    ASSERT_EQ(closed(Closed::by_peer), before + 1);
  }

  // What a server shows that closes connections which nobody has used for so long.
  void show_idle_limit(Duration limit) {
    loop_->run_once_at(steady_now() - limit);
    pool_->tend();
    server_closes();
  }

  // Whether a connection that is unused for so long serves a request. The time is that of the loop.
  bool uses_again_after(Duration unused) {
    pool_->tend();
    loop_->run_once_at(loop_->now() + unused);
    Ignores sink;
    const auto opened = pool_->open(sink, Reuse::any, settings_.session, {});
    opened->stream->reset(ErrorCode::none);
    return closed(Closed::idle) == given_up_ || (++given_up_, false);
  }

  std::unique_ptr<net::EventLoop> loop_;
  net::Fd listener_;
  PoolSettings settings_;
  ServerCounts counts_;
  std::shared_ptr<const Endpoint> server_;
  std::optional<EndpointPool> pool_;
  uint64_t given_up_ = 0;
};

TEST_F(PoolTest, CountsConnectionsThatNoRequestUses) {
  const auto idle = [this] {
    ServerTotals totals;
    counts_.add_to(totals);
    return totals.idle;
  };
  keep(2);
  pool_->tend();
  EXPECT_EQ(idle(), 2);
  Ignores sink;
  const auto opened = pool_->open(sink, Reuse::any, settings_.session, {});
  EXPECT_EQ(idle(), 1);
  opened->stream->reset(ErrorCode::none);
  pool_->drain();
  EXPECT_EQ(idle(), 0);
}

TEST_F(PoolTest, WhatNoServerHasClosedIsUsedAgain) {
  EXPECT_TRUE(uses_again_after(minutes(59)));
}

TEST_F(PoolTest, GivesConnectionsUpBeforeTheServerWould) {
  show_idle_limit(seconds(60));
  EXPECT_TRUE(uses_again_after(seconds(53)));
  EXPECT_FALSE(uses_again_after(seconds(59)));
}

TEST_F(PoolTest, TheShortestTimeThatAServerHasShownCounts) {
  show_idle_limit(seconds(60));
  show_idle_limit(seconds(20));
  show_idle_limit(seconds(40));
  EXPECT_TRUE(uses_again_after(seconds(17)));
  EXPECT_FALSE(uses_again_after(seconds(19)));
}

TEST_F(PoolTest, AServerThatIsRestartedShowsNothing) {
  show_idle_limit(std::chrono::milliseconds(50));
  EXPECT_TRUE(uses_again_after(minutes(59)));
}

TEST_F(PoolTest, ForgetsWhatAServerHasShownLongAgo) {
  show_idle_limit(seconds(60));
  loop_->run_once_at(loop_->now() + minutes(8));
  EXPECT_FALSE(uses_again_after(seconds(90)));
  EXPECT_TRUE(uses_again_after(seconds(90)));
}

}  // namespace
}  // namespace pingap::upstream

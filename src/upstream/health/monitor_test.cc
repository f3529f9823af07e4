#include "upstream/health/monitor.h"

#include <gtest/gtest.h>

#include "net/socket.h"

namespace pingap::upstream {
namespace {

// A server whose end of the check is looked at first in the turn in which both have something.
class HealthMonitorTest : public testing::Test, private net::IoHandler {
 protected:
  HealthMonitorTest()
      : loop_(std::move(*net::EventLoop::create())),
        socket_(std::move(*net::listen_on(*net::Address::parse("127.0.0.1:0")))),
        monitor_(*loop_, settings_, upstream_) {
    EXPECT_TRUE(loop_->add(socket_.get(), *this));
  }

  ~HealthMonitorTest() override { loop_->remove(socket_.get()); }

  void watch(Endpoints endpoints) {
    monitor_.watch(EndpointSet(Balancing{}, std::move(endpoints)));
  }

  std::shared_ptr<const Endpoint> server() const {
    auto made = std::make_shared<Endpoint>();
    made->name = "a";
    made->address = net::local_address(socket_.get());
    made->state = std::make_shared<EndpointState>();
    made->state->set_out(Out::unchecked, true);
    return made;
  }

  std::unique_ptr<net::EventLoop> loop_;
  HealthSettings settings_;
  const std::string upstream_ = "test";
  net::Fd socket_;
  HealthMonitor monitor_;
  bool leaves_ = false;
  int asked_ = 0;

 private:
  void on_io(net::IoEvents /*ready*/) noexcept override {
    ++asked_;
    if (leaves_) {
      watch({});
    }
  }
};

TEST_F(HealthMonitorTest, AServerIsInAfterItsFirstCheck) {
  const auto one = server();
  watch({one});
  for (int i = 0; i < 3 && one->state->is_out(Out::unchecked); ++i) {
    loop_->run_once(std::chrono::seconds(1));
  }
  EXPECT_FALSE(one->state->is_out(Out::unchecked));
}

TEST_F(HealthMonitorTest, ACheckMayEndInTheTurnThatHasAnEventForIt) {
  const auto one = server();
  leaves_ = true;
  watch({one});
  for (int i = 0; i < 3 && asked_ == 0; ++i) {
    loop_->run_once(std::chrono::seconds(1));
  }
  EXPECT_EQ(asked_, 1);
  EXPECT_TRUE(one->state->is_out(Out::unchecked));  // ASan would say more
  EXPECT_EQ(one.use_count(), 1);
}

}  // namespace
}  // namespace pingap::upstream

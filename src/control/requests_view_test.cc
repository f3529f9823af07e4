#include "control/requests_view.h"

#include <gtest/gtest.h>

#include "proxy/test_snapshot.h"

namespace pingap::control {
namespace {

struct Asked {
  explicit Asked(int threads)
      : server(proxy::test_snapshot("addr = \"127.0.0.1:0\"\n",
                                    "threads = " + std::to_string(threads) + "\n")),
        loop(std::move(*net::EventLoop::create())),
        view(server, *loop, std::chrono::milliseconds(1)) {
    EXPECT_TRUE(server.bind());
  }

  RequestsReport wait() {
    std::optional<RequestsReport> got;
    view.ask(5, [&](const RequestsReport& report) { got = report; });
    while (!got) {
      loop->run_once(std::chrono::seconds(10));
    }
    return *got;
  }

  proxy::Server server;
  std::unique_ptr<net::EventLoop> loop;
  RequestsView view;
};

TEST(RequestsView, NamesWorkersThatDoNotAnswer) {
  Asked asked(2);  // not started: nobody reads their messages
  EXPECT_EQ(asked.wait().silent, (std::vector<size_t>{0, 1}));
  EXPECT_EQ(asked.wait().silent.size(), 2u);
}

TEST(RequestsView, MayEndBeforeTheAnswer) {
  Asked asked(1);
  asked.view.ask(5, [](const RequestsReport&) { FAIL(); });
}

TEST(RequestsView, TakesNumbersWithinItsBounds) {
  EXPECT_EQ(RequestsView::parse_most(""), RequestsView::kUsual);
  EXPECT_EQ(RequestsView::parse_most("1"), 1u);
  EXPECT_EQ(RequestsView::parse_most("1000"), 1000u);
  for (const std::string_view wrong : {"0", "1001", "-1", "x", " 1"}) {
    EXPECT_EQ(RequestsView::parse_most(wrong), std::nullopt) << wrong;
  }
}

TEST(UnderWay, MergesTheOldestOfWorkersAndTunnelsBehind) {
  const auto one = [](int age, std::string_view phase) {
    proxy::UnderWay made;
    made.age = std::chrono::seconds(age);
    made.phase = phase;
    return made;
  };
  proxy::UnderWayReport all{3, 1, {one(5, "waiting"), one(90, proxy::kTunnel)}};
  merge(all, {2, 1, {one(7, "waiting"), one(1, "waiting"), one(99, proxy::kTunnel)}}, 4);
  EXPECT_EQ(all.requests, 5u);
  EXPECT_EQ(all.tunnels, 2u);
  std::vector<int64_t> ages;
  for (const proxy::UnderWay& left : all.oldest) {
    ages.push_back(std::chrono::duration_cast<std::chrono::seconds>(left.age).count());
  }
  EXPECT_EQ(ages, (std::vector<int64_t>{7, 5, 1, 99}));
}

}  // namespace
}  // namespace pingap::control

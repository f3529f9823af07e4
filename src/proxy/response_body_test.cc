#include "proxy/response_body.h"

#include <gtest/gtest.h>

#include "proxy/body_test_streams.h"

namespace pingap::proxy {
namespace {

constexpr size_t kWindow = http::limits::kWindow;

TEST(ResponseBody, GoesStraightThroughUnlessBuffered) {
  NotingClient client;
  NotingUpstream backend;
  ResponseBody body(client);
  ByteQueue data = bytes_of("hello");
  ASSERT_TRUE(body.take(data, End::yes, backend));
  EXPECT_EQ(client.sent.body, "hello");
  EXPECT_TRUE(client.sent.ended);
  EXPECT_EQ(backend.sent.released, 0U) << "not before the client has taken it";
  ASSERT_TRUE(body.on_sent(5, &backend));
  EXPECT_EQ(backend.sent.released, 5U);
}

TEST(ResponseBody, LetsTheBackendGoOnWhileItIsBuffered) {
  NotingClient client;
  NotingUpstream backend;
  ResponseBody body(client);
  body.buffer();
  const std::string piece(kWindow, 'x');
  for (int i = 0; i < 4; ++i) {
    ByteQueue data = bytes_of(piece);
    ASSERT_TRUE(body.take(data, i == 3 ? End::yes : End::no, backend));
  }
  EXPECT_EQ(backend.sent.released, 4 * kWindow) << "all of it, though the client took nothing";
  EXPECT_LE(client.sent.body.size(), kWindow);
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(body.on_sent(kWindow / 2, &backend));
  }
  EXPECT_EQ(client.sent.body.size(), 4 * kWindow);
  EXPECT_TRUE(client.sent.ended);
}

TEST(ResponseBody, MakesTheBackendWaitWhenTheSpoolIsFull) {
  NotingClient client;
  NotingUpstream backend;
  ResponseBody body(client, 2 * kWindow);
  body.buffer();
  size_t taken = 0;
  const auto come = [&](char c) {
    ByteQueue data = bytes_of(std::string(kWindow, c));
    ASSERT_TRUE(body.take(data, End::no, backend));
  };
  const auto drain = [&] {
    while (taken < client.sent.body.size()) {
      const size_t more = client.sent.body.size() - std::exchange(taken, client.sent.body.size());
      ASSERT_TRUE(body.on_sent(more, &backend));
    }
  };
  come('a');
  EXPECT_EQ(backend.sent.released, kWindow);
  come('b');
  EXPECT_EQ(backend.sent.released, kWindow) << "full: no more until the client has it all";
  drain();
  EXPECT_EQ(backend.sent.released, 2 * kWindow);
  come('c');
  come('d');
  drain();
  std::string all;
  for (char c = 'a'; c < 'e'; ++c) {
    all += std::string(kWindow, c);
  }
  EXPECT_EQ(client.sent.body, all);
}

}  // namespace
}  // namespace pingap::proxy

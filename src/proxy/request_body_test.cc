#include "proxy/request_body.h"

#include <array>

#include <gtest/gtest.h>

#include "http/limits.h"
#include "proxy/body_test_streams.h"

namespace pingap::proxy {
namespace {

class RequestBodyTest : public testing::Test {
 protected:
  // From the client, to `to` if there is a try.
  void come(const std::string& text, End end, http::ClientStream* to) {
    total_ += text.size();
    ByteQueue data = bytes_of(text);
    ASSERT_TRUE(body_.take(data, end, total_, to));
  }

  NotingClient client_;
  Arena arena_;
  RequestBody body_{client_, arena_};
  uint64_t total_ = 0;
};

TEST_F(RequestBodyTest, IsGivenToASecondTryFromItsStart) {
  NotingUpstream first;
  NotingUpstream second;
  come("abc", End::no, &first);
  ASSERT_TRUE(body_.on_sent(3, first));
  come("def", End::no, &first);
  ASSERT_TRUE(body_.send_to(second));
  come("ghi", End::yes, &second);
  EXPECT_EQ(second.sent.body, "abcdefghi");
  EXPECT_TRUE(second.sent.ended);
  ASSERT_TRUE(body_.on_sent(9, second));
  EXPECT_EQ(client_.sent.released, 9U) << "each byte is given back once";
}

TEST_F(RequestBodyTest, IsGivenToASecondTryWithItsTrailers) {
  NotingUpstream first;
  come("abc", End::no, &first);
  {
    std::string name = "X-Sum";
    std::string value = "1";
    std::array<http::Field, 2> fields{};
    http::HeaderMap trailers(fields);
    trailers.add(name, value);
    body_.take_trailers(trailers, &first);
    name = "?????";
    value = "?";
  }
  EXPECT_EQ(first.sent.trailers, "X-Sum=1;");
  NotingUpstream second;
  ASSERT_TRUE(body_.send_to(second));
  EXPECT_EQ(second.sent.body, "abc");
  EXPECT_EQ(second.sent.trailers, "X-Sum=1;") << "a copy: the first one's memory is gone";
  EXPECT_TRUE(second.sent.ended);
}

TEST_F(RequestBodyTest, CannotBeGivenAgainWhenItIsLong) {
  NotingUpstream first;
  come(std::string(http::limits::kReplay, 'x'), End::no, &first);
  EXPECT_TRUE(body_.replayable());
  come("y", End::no, &first);
  EXPECT_FALSE(body_.replayable());
}

TEST_F(RequestBodyTest, StaysHereWhileItIsBuffered) {
  body_.buffer();
  come(std::string(100'000, 'x'), End::no, nullptr);
  come(std::string(100'000, 'y'), End::yes, nullptr);
  EXPECT_EQ(client_.sent.released, 200'000U);
  ASSERT_TRUE(body_.over());
  NotingUpstream backend;
  ASSERT_TRUE(body_.send_to(backend));
  EXPECT_EQ(backend.sent.body.size(), http::limits::kWindow) << "a window at a time";
  while (!backend.sent.ended) {
    ASSERT_TRUE(body_.on_sent(backend.sent.body.size(), backend));
  }
  EXPECT_EQ(backend.sent.body, std::string(100'000, 'x') + std::string(100'000, 'y'));
}

}  // namespace
}  // namespace pingap::proxy

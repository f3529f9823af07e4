#include "http/grpc.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace pingap::http {
namespace {

bool is_call(std::string_view type, Method method = Method::post,
             Version version = Version::http2) {
  std::array<Field, 1> fields;
  RequestHead head;
  head.method = method;
  head.version = version;
  head.headers = HeaderMap(fields);
  if (!type.empty()) {
    head.headers.add(HeaderId::content_type, type);
  }
  return is_grpc(head);
}

TEST(Grpc, IsKnownByItsContentType) {
  for (const char* type :
       {"application/grpc", "application/grpc+proto", "application/grpc+json",
        "application/grpc;charset=utf-8", "application/grpc ; x=y", "Application/GRPC+Proto"}) {
    EXPECT_TRUE(is_call(type)) << type;
  }
  for (const char* type :
       {"", "application/grpcfoo", "application/grpc-web", "application/grpc-web+proto",
        "application/grpc-web-text", "application/grp", "text/plain", "application/json",
        "xapplication/grpc"}) {
    EXPECT_FALSE(is_call(type)) << type;
  }
}

TEST(Grpc, IsAPostOfHttp2) {
  EXPECT_FALSE(is_call("application/grpc", Method::get));
  EXPECT_FALSE(is_call("application/grpc", Method::post, Version::http11));
}

TEST(Grpc, TimeoutHasDigitsAndAUnit) {
  using namespace std::chrono;  // NOLINT(google-build-using-namespace)
  const std::vector<std::pair<std::string, Duration>> good = {
      {"1H", hours(1)},
      {"2M", minutes(2)},
      {"3S", seconds(3)},
      {"4m", milliseconds(4)},
      {"5u", microseconds(5)},
      {"6n", nanoseconds(6)},
      {"0S", seconds(0)},
      {"00000001S", seconds(1)},
      {"99999999n", nanoseconds(99999999)},
      {"99999999m", milliseconds(99999999)},
      {"99999999H", hours(24 * 366)},
      {"99999999S", hours(24 * 366)},
  };
  for (const auto& [text, wanted] : good) {
    ASSERT_TRUE(parse_grpc_timeout(text)) << text;
    EXPECT_EQ(*parse_grpc_timeout(text), wanted) << text;
  }
  for (const char* text : {"", "S", "1", "1x", "1s", "1h", "-1S", "+1S", " 1S", "1S ", "1 S",
                           "1.5S", "123456789S", "99999999999999999999S", "1SS", "0x1S"}) {
    EXPECT_FALSE(parse_grpc_timeout(text)) << text;
  }
}

TEST(Grpc, StatusOfOurErrors) {
  const std::vector<std::pair<ErrorCode, int>> cases = {
      {ErrorCode::no_route, 12},
      {ErrorCode::upstream_refused, 14},
      {ErrorCode::no_upstream, 14},
      {ErrorCode::upstream_timeout, 14},
      {ErrorCode::body_too_large, 8},
      {ErrorCode::deadline_exceeded, 4},
      {ErrorCode::bad_header, 13},
      {ErrorCode::loop_detected, 2},
      {ErrorCode::io, 2},
      {ErrorCode::body_timeout, 2},
      {ErrorCode::upstream_bad_head, 14},
      {ErrorCode::upstream_limit, 14},
  };
  for (const auto& [why, wanted] : cases) {
    EXPECT_EQ(static_cast<int>(grpc_status_for(why)), wanted) << to_string(why);
  }
}

TEST(Grpc, MessageIsPercentEncoded) {
  const std::string text = "Bad Gateway: 100% \n\x7f\xc3\xa9~ ";
  std::string room(grpc_message_room(text.size()), '\0');
  EXPECT_EQ(encode_grpc_message(text, room.data()), "Bad Gateway: 100%25 %0A%7F%C3%A9~ ");
  EXPECT_EQ(encode_grpc_message("", room.data()), "");
}

}  // namespace
}  // namespace pingap::http

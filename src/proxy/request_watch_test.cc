#include "proxy/request_watch.h"

#include <array>

#include <gtest/gtest.h>

namespace pingap::proxy {
namespace {

struct Case {
  const char* client;  // empty: any
  const char* path;
  bool wanted;
};

TEST(RequestWatch, WantsAClientAndAPath) {
  const Case cases[] = {
      {"", "/", true},          {"", "/api", true},
      {"", "/api/users", true}, {"", "/apis", false},
      {"10.0.0.7", "", true},   {"10.0.0.0/8", "/api", true},
      {"10.0.0.8", "/", false}, {"10.0.0.7", "/other", false},
      {"::1", "", false},
  };
  std::array<char, 512> room;
  exchange::Exchange x{room};
  x.client_ip = *IpAddress::parse("10.0.0.7");
  x.uri.path = "/api/users";
  for (const Case& one : cases) {
    RequestWatch::Settings settings{{}, one.path, 1, TimePoint::max()};
    if (*one.client != '\0') {
      settings.client = Network::parse(one.client);
    }
    EXPECT_EQ(RequestWatch(settings).wants(x), one.wanted) << one.client << " " << one.path;
  }
}

TEST(RequestWatch, GoesByTheTargetOfWhatWasRefused) {
  std::array<char, 512> room;
  exchange::Exchange x{room};
  x.request.target = "/a%00";
  EXPECT_TRUE(RequestWatch({{}, "/a", 1, TimePoint::max()}).wants(x));
}

TEST(RequestWatch, CountsUntilItIsOver) {
  std::array<char, 512> room;
  exchange::Exchange x{room};
  x.finished = TimePoint(std::chrono::seconds(1));
  RequestWatch watch({{}, "", 1, TimePoint(std::chrono::seconds(2))});
  watch.note(x, "", {});
  watch.note(x, "", {});
  EXPECT_EQ(watch.noted(), 2U);
  x.finished = TimePoint(std::chrono::seconds(2));
  watch.note(x, "", {});
  EXPECT_EQ(watch.noted(), 2U);
}

}  // namespace
}  // namespace pingap::proxy

#include "upstream/balancer/hash_key.h"

#include <array>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace pingap::upstream::balancer {
namespace {

using config::HashSource;

class HashKeys : public testing::Test {
 protected:
  HashKeys() : exchange_({}) {
    exchange_.request.headers = http::HeaderMap(fields_);
    exchange_.request.headers.add(std::string_view("X-User"), std::string_view("bob"));
    exchange_.request.headers.add(std::string_view("Cookie"), std::string_view("sid=1; x=2"));
    exchange_.uri.path = "/p";
    exchange_.uri.query = "q=7&r";
    exchange_.uri.target = "/p?q=7&r";
  }

  std::optional<uint64_t> key(HashSource source, std::string_view name = {}) const {
    return HashKey(source, name).of(exchange_);
  }

  void set_ip(std::string_view text) { exchange_.client_ip = *IpAddress::parse(text); }

  std::array<http::Field, 4> fields_;
  exchange::Exchange exchange_;
};

TEST_F(HashKeys, AreOfTheConfiguredPart) {
  EXPECT_EQ(key(HashSource::header, "x-user"), hash64("bob"));
  EXPECT_EQ(key(HashSource::cookie, "x"), hash64("2"));
  EXPECT_EQ(key(HashSource::query, "q"), hash64("7"));
  EXPECT_EQ(key(HashSource::query, "r"), hash64(""));
  EXPECT_EQ(key(HashSource::path), hash64("/p"));
  EXPECT_EQ(key(HashSource::url), hash64("/p?q=7&r"));
}

TEST_F(HashKeys, AreMissingWhereThePartIs) {
  EXPECT_FALSE(key(HashSource::header, "x-other"));
  EXPECT_FALSE(key(HashSource::cookie, "X"));
  EXPECT_FALSE(key(HashSource::query, "s"));
  EXPECT_FALSE(key(HashSource::ip));  // a unix socket has none
}

TEST_F(HashKeys, TakeAllOfIpv4AndTheNetworkOfIpv6) {
  set_ip("10.0.0.1");
  const auto one = key(HashSource::ip);
  EXPECT_TRUE(one.has_value());
  set_ip("10.0.0.2");
  EXPECT_NE(key(HashSource::ip), one);
  set_ip("2001:db8:1:2::1");
  const auto six = key(HashSource::ip);
  set_ip("2001:db8:1:2:aaaa::9");
  EXPECT_EQ(key(HashSource::ip), six);
  set_ip("2001:db8:1:3::1");
  EXPECT_NE(key(HashSource::ip), six);
}

}  // namespace
}  // namespace pingap::upstream::balancer

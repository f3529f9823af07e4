#include "http/header_id.h"

#include <algorithm>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "base/strings.h"

namespace pingap::http {
namespace {

constexpr size_t kCount = static_cast<size_t>(HeaderId::count_);

TEST(HeaderId, IsFoundForEachNameInAnyCase) {
  std::mt19937 random(1);
  for (size_t i = 1; i < kCount; ++i) {
    const auto id = static_cast<HeaderId>(i);
    std::string name(header_name(id));
    ASSERT_FALSE(name.empty());
    EXPECT_EQ(find_header_id(name), id) << name;
    std::string lower = name;
    std::ranges::transform(lower, lower.begin(), to_lower);
    EXPECT_EQ(lower_header_name(id), lower);
    for (int round = 0; round < 50; ++round) {
      for (char& c : name) {
        const auto folded = static_cast<char>(c ^ 0x20);
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        c = letter && random() % 2 == 0 ? folded : c;
      }
      EXPECT_EQ(find_header_id(name), id) << name;
    }
  }
}

TEST(HeaderId, IsOtherWhenAnyByteDiffers) {
  for (size_t i = 1; i < kCount; ++i) {
    const auto id = static_cast<HeaderId>(i);
    const std::string name(header_name(id));
    for (size_t at = 0; at < name.size(); ++at) {
      for (unsigned flip = 1; flip < 256; ++flip) {
        std::string changed = name;
        changed[at] = static_cast<char>(static_cast<unsigned char>(changed[at]) ^ flip);
        const bool letter = std::isalpha(static_cast<unsigned char>(name[at])) != 0;
        const HeaderId found = find_header_id(changed);
        if (flip == 0x20 && letter) {
          EXPECT_EQ(found, id) << name;
        } else {
          EXPECT_NE(found, id) << name << " at " << at << " flip " << flip;
        }
      }
    }
    EXPECT_NE(find_header_id(name.substr(1)), id);
    EXPECT_NE(find_header_id(name.substr(0, name.size() - 1)), id);
    EXPECT_NE(find_header_id(name + "x"), id);
  }
}

TEST(HeaderId, IsOtherForUnknownNames) {
  for (const std::string_view name : {"", "x", "xy", "xyz", "X-Custom", "Content_Length",
                                      "Content-Length\r", "Transfer-Encoding "}) {
    EXPECT_EQ(find_header_id(name), HeaderId::other) << name;
  }
  EXPECT_EQ(find_header_id(std::string(100000, 'a')), HeaderId::other);
  EXPECT_EQ(header_name(HeaderId::other), "");
  EXPECT_EQ(header_policy(HeaderId::other), 0);
}

TEST(HeaderPolicy, KnowsWhatIsHopByHop) {
  size_t hops = 0;
  for (size_t i = 0; i < kCount; ++i) {
    hops += (header_policy(static_cast<HeaderId>(i)) & kHopByHop) != 0 ? 1U : 0U;
  }
  EXPECT_EQ(hops, 11U);
  for (const std::string_view name :
       {"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization",
        "TE", "Trailer", "Transfer-Encoding", "Upgrade", "HTTP2-Settings", "Proxy"}) {
    EXPECT_NE(header_policy(find_header_id(name)) & kHopByHop, 0) << name;
    EXPECT_NE(header_policy(find_header_id(name)) & kNoTrailer, 0) << name;
  }
}

TEST(HeaderPolicy, ProtectsWhatMayNotBeNamedInConnection) {
  for (const std::string_view name :
       {"Host", "Content-Length", "Transfer-Encoding", "Authorization", "Cookie", "Content-Type",
        "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port",
        "X-Forwarded-Prefix", "Forwarded", "X-Real-IP", "X-Request-ID"}) {
    EXPECT_NE(header_policy(find_header_id(name)) & kConnSafe, 0) << name;
    EXPECT_NE(header_policy(find_header_id(name)) & kNoTrailer, 0) << name;
  }
  EXPECT_EQ(header_policy(HeaderId::accept) & kConnSafe, 0);
}

TEST(HeaderPolicy, KnowsWhatSpeaksOfTheClient) {
  for (const std::string_view name : {"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host",
                                      "X-Forwarded-Port", "Forwarded", "X-Real-IP"}) {
    EXPECT_NE(header_policy(find_header_id(name)) & kForwarding, 0) << name;
  }
  EXPECT_EQ(header_policy(HeaderId::x_request_id) & kForwarding, 0);
}

TEST(HeaderPolicy, KeepsControlDataOutOfTrailers) {
  for (const std::string_view name :
       {"Set-Cookie", "Vary", "Expect", "Range", "Cache-Control", "Age", "Date", "Location",
        "Content-Encoding", "Content-Range", "WWW-Authenticate", "If-Match", "Max-Forwards"}) {
    EXPECT_NE(header_policy(find_header_id(name)) & kNoTrailer, 0) << name;
  }
  for (const std::string_view name : {"ETag", "Server", "X-Anything"}) {
    EXPECT_EQ(header_policy(find_header_id(name)) & kNoTrailer, 0) << name;
  }
}

}  // namespace
}  // namespace pingap::http

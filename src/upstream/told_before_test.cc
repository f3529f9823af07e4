#include "upstream/told_before.h"

#include <gtest/gtest.h>

namespace pingap::upstream {
namespace {

Found found(const char* address, std::string host = {}) {
  return {std::move(host), *net::Address::parse(address), 3, 1};
}

TEST(ToldBefore, IsTheSameAfterwards) {
  const std::vector<Found> names{found("10.0.0.1:80", "api.test"), found("[::1]:80", "api.test")};
  const std::vector<Found> lists{found("unix:/run/a b.sock")};
  ToldBefore told;
  told.add("api", "dns api.test:80", names);
  told.add("api", "file /etc/api.json", lists);
  told.add("shop", "dns api.test:80", {});
  const ToldBefore again = ToldBefore::parse(told.to_text());
  EXPECT_EQ(again.of("api", "dns api.test:80"), names);
  EXPECT_EQ(again.of("api", "file /etc/api.json"), lists);
  EXPECT_TRUE(again.of("shop", "dns api.test:80").empty());
  EXPECT_EQ(again.to_text(), told.to_text());
}

TEST(ToldBefore, WhatCannotBeSaidIsLeftOut) {
  ToldBefore told;
  told.add("a\tb", "dns", {found("10.0.0.1:80")});
  told.add("a", "dns\n", {found("10.0.0.1:80")});
  told.add("a", "dns", {found("10.0.0.1:80", "x\ty"), found("unix:/a\nb"), found("10.0.0.2:80")});
  EXPECT_EQ(told.to_text(), "a\tdns\t10.0.0.2:80\t3\t1\t\n");
}

TEST(ToldBefore, WhatCannotBeUnderstoodIsLeftOut) {
  const ToldBefore told = ToldBefore::parse(
      "a\tdns\n\n\t\t\t\t\t\na\tdns\tnobody:80\t1\t0\t\na\tdns\t10.0.0.1:80\t-1\t0\t\n"
      "a\tdns\t10.0.0.2:80\t1\t0x\t\na\tdns\t10.0.0.3:80\t1\t0\tlast");
  EXPECT_EQ(told.to_text(), "a\tdns\t10.0.0.3:80\t1\t0\tlast\n");
}

}  // namespace
}  // namespace pingap::upstream

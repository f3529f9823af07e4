#include "upstream/endpoint_set.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace pingap::upstream {
namespace {

std::shared_ptr<const Endpoint> server(const std::string& authority, const std::string& address,
                                       uint32_t priority) {
  auto made = std::make_shared<Endpoint>();
  made->name = address;
  made->authority = authority;
  made->address = net::Address::parse(address);
  made->priority = priority;
  made->state = std::make_shared<EndpointState>(1);
  return made;
}

TEST(EndpointSet, KnowsAServerOfTheSameNameByTheOtherFamily) {
  const EndpointSet set(
      {}, {server("a.test:80", "10.0.0.1:80", 1), server("a.test:80", "[2001:db8::1]:80", 0),
           server("a.test:80", "[2001:db8::2]:80", 0), server("b.test:80", "[2001:db8::3]:80", 0)});
  // By priority: those of IPv6 first.
  EXPECT_EQ(set.other_family(0), 3U);
  EXPECT_EQ(set.other_family(1), 3U);
  EXPECT_EQ(set.other_family(2), std::nullopt);
  EXPECT_EQ(set.other_family(3), 0U);
}

TEST(EndpointSet, KnowsOfNoOtherFamilyWhereThereIsOne) {
  const EndpointSet set(
      {}, {server("a.test:80", "10.0.0.1:80", 0), server("a.test:80", "10.0.0.2:80", 0)});
  EXPECT_EQ(set.other_family(0), std::nullopt);
}

}  // namespace
}  // namespace pingap::upstream

#include "remote/etcd_server.h"

#include <gtest/gtest.h>

namespace pingap::remote {
namespace {

std::string read(std::string_view text) {
  const auto found = parse_etcd_server(text, {81, {}});
  if (!found) {
    return "no: " + found.error();
  }
  std::string out;
  for (const upstream::Found& one : *found) {
    out += one.address.to_string() + " w" + std::to_string(one.weight) + " p" +
           std::to_string(one.priority) + ";";
  }
  return out;
}

TEST(EtcdServer, IsAnAddress) {
  EXPECT_EQ(read("10.0.0.1:8080"), "10.0.0.1:8080 w1 p0;");
  EXPECT_EQ(read(" 10.0.0.1:8080 7\n"), "10.0.0.1:8080 w7 p0;");
  EXPECT_EQ(read("10.0.0.1"), "10.0.0.1:81 w1 p0;");
  EXPECT_EQ(read("[2001:db8::1]:80 0"), "[2001:db8::1]:80 w0 p0;");
}

TEST(EtcdServer, IsJson) {
  EXPECT_EQ(read(R"({"addr": "10.0.0.1:8080"})"), "10.0.0.1:8080 w1 p0;");
  EXPECT_EQ(read(R"({"addr": "10.0.0.1:8080", "weight": 3, "priority": 2})"),
            "10.0.0.1:8080 w3 p2;");
  EXPECT_EQ(read(R"({"Op":0,"Addr":"10.0.0.1:8080","Metadata":null})"), "10.0.0.1:8080 w1 p0;");
}

TEST(EtcdServer, IsAList) {
  EXPECT_EQ(read(R"({"servers": [{"addr": "10.0.0.1:1"}, {"addr": "10.0.0.2:1", "weight": 2}]})"),
            "10.0.0.1:1 w1 p0;10.0.0.2:1 w2 p0;");
  EXPECT_EQ(read(R"([{"targets": ["10.0.0.1:1"]}])"), "10.0.0.1:1 w1 p0;");
  EXPECT_EQ(read("[[servers]]\naddr = \"10.0.0.1:1\"\n"), "10.0.0.1:1 w1 p0;");
}

TEST(EtcdServer, RefusesTheRest) {
  for (const char* text :
       {"", " \n", "nonsense:x", "api.internal:80", "10.0.0.1:80 heavy", "10.0.0.1:80 1001",
        "10.0.0.1:80 1 2", "unix:/run/x.sock", "{", "{}", R"({"addr": 1})",
        R"({"addr": "10.0.0.1:80", "weight": -1})", R"({"addr": "10.0.0.1:80", "priority": 4})",
        R"({"addr": "unix:/run/x.sock"})", "127.0.0.1:80", "169.254.169.254:80", "0.0.0.0:80",
        R"(10.0.0.1:80"]},{"targets":["10.0.0.2:80)"}) {
    EXPECT_TRUE(read(text).starts_with("no: ")) << text << " -> " << read(text);
  }
}

TEST(EtcdServer, MayBeTheMachineItselfWhereThatIsAllowed) {
  const std::vector<config::Located<std::string>> allowed = {{"127.0.0.0/8", {}}};
  EXPECT_TRUE(parse_etcd_server("127.0.0.1:80", {80, upstream::AddressFilter(allowed)}));
}

}  // namespace
}  // namespace pingap::remote

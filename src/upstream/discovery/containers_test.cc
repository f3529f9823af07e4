#include "upstream/discovery/containers.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace pingap::upstream {
namespace {

// As Docker 24 writes a container, shortened where nobody looks.
std::string container(const std::string& name, const std::string& ip, const std::string& ports,
                      const std::string& state = "running",
                      const std::string& labels = R"({"web": "yes"})") {
  return fmt::format(
      R"({{"Id": "8dfafdbc3a40a2b6d8c1", "Names": ["/{}"], "Image": "nginx:1", "Command": "nginx",
"Created": 1367854155, "Ports": {}, "Labels": {}, "State": "{}", "Status": "Up 3 minutes",
"HostConfig": {{"NetworkMode": "bridge"}}, "Mounts": [],
"NetworkSettings": {{"Networks": {{"bridge": {{"IPAMConfig": null, "Links": null, "Aliases": null,
"NetworkID": "7ea29fc1412292a2", "EndpointID": "2cdc4edb1ded3631", "Gateway": "172.17.0.1",
"IPAddress": "{}", "IPPrefixLen": 16, "IPv6Gateway": "", "GlobalIPv6Address": "",
"GlobalIPv6PrefixLen": 0, "MacAddress": "02:42:ac:11:00:02"}}}}}}}})",
      name, ports, labels, state, ip);
}

const std::string kOne = R"([{"PrivatePort": 80, "Type": "tcp"}])";
const std::string kPublished =
    R"([{"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
        {"IP": "::", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
        {"PrivatePort": 53, "Type": "udp"}])";
const std::string kTwo =
    R"([{"PrivatePort": 80, "Type": "tcp"}, {"PrivatePort": 443, "Type": "tcp"}])";

std::string read(const std::string& json, const ContainerQuery& query = {"web", 0, 1, 0}) {
  config::Diagnostics diagnostics;
  const Containers found = parse_containers(
      json, query, AddressFilter(std::vector<config::Located<std::string>>{}), diagnostics);
  std::string out;
  for (const Found& one : found.servers) {
    out += fmt::format("{} w{};", one.address.to_string(), one.weight);
  }
  for (const std::string& one : found.unusable) {
    out += "!" + one + ";";
  }
  return diagnostics.has_errors() ? diagnostics.entries()[0].what : out;
}

TEST(Containers, TheirOwnAddressAndPortCount) {
  EXPECT_EQ(read("[" + container("b", "172.17.0.3", kPublished) + "," +
                 container("a", "172.17.0.2", kOne) + "]"),
            "172.17.0.2:80 w1;172.17.0.3:80 w1;");
}

TEST(Containers, TheConfiguredPortCounts) {
  const std::string one = "[" + container("a", "172.17.0.2", kTwo) + "]";
  EXPECT_EQ(read(one, {"web", 443, 5, 0}), "172.17.0.2:443 w5;");
  EXPECT_EQ(read(one), "!a: it has not exactly one TCP port: write LABEL:PORT;");
}

TEST(Containers, WithoutAnAddressThereIsNoServer) {
  EXPECT_EQ(read("[" + container("a", "", kOne) + "]"), "!a: it has no address of its own;");
  EXPECT_EQ(read("[" + container("a", "127.0.0.1", kOne) + "]"),
            "!a: its address is refused: it is this machine's own;");
}

TEST(Containers, OnlyThoseThatRun) {
  EXPECT_EQ(read("[" + container("a", "172.17.0.2", kOne, "paused") + "]"), "");
}

TEST(Containers, OnlyThoseWithTheLabel) {
  const std::string one = "[" + container("a", "172.17.0.2", kOne) + "]";
  EXPECT_EQ(read(one, {"web=yes", 0, 1, 0}), "172.17.0.2:80 w1;");
  EXPECT_EQ(read(one, {"web=no", 0, 1, 0}), "");
  EXPECT_EQ(read(one, {"we", 0, 1, 0}), "");
}

TEST(Containers, WhatIsMissingOrNullIsNoServer) {
  for (const char* text : {"[]", "[null]", "[1]", "[{}]", R"([{"Labels": null}])",
                           R"([{"Labels": {"web": null}, "State": "running"}])"}) {
    EXPECT_EQ(read(text), "") << text;
  }
  EXPECT_EQ(read(R"([{"Labels": {"web": ""}, "State": "running", "Ports": null, "Names": [],
                     "Id": "0123456789abcdef", "NetworkSettings": {"Networks": null}}])"),
            "!0123456789ab: it has no address of its own;");
}

TEST(Containers, WhatIsNoListIsAProblem) {
  EXPECT_EQ(read(R"({"message": "page not found"})"), "it is no list of containers");
  EXPECT_EQ(read("[{"), "not valid JSON: a key in quotes is missing");
}

TEST(Containers, TargetsAreEncoded) {
  EXPECT_EQ(containers_target({"a=\"b", 0, 1, 0}),
            "/containers/json?filters=%7B%22label%22%3A%5B%22a%3D%5C%22b%22%5D%7D");
  EXPECT_EQ(events_target(), "/events?filters=%7B%22type%22%3A%5B%22container%22%5D%7D");
}

}  // namespace
}  // namespace pingap::upstream

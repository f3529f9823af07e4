// The keys of where servers come from.
#include <string>

#include <gtest/gtest.h>

#include "config/loader.h"
#include "config/loader_fixture.h"

namespace pingap::config {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace): helpers of these tests

Loaded upstream(const std::string& keys) {
  return load_text("[upstreams.u]\n" + keys +
                   "\n[locations.l]\nupstream = 'u'\n[servers.s]\naddr = '127.0.0.1:2'\n"
                   "locations = ['l']\n");
}

std::string problems(const std::string& keys) {
  return messages(upstream(keys).diagnostics);
}

TEST(Discovery, NamesAreLookedUpAndAddressesAreNot) {
  const auto [model, diagnostics] =
      upstream("addrs = ['10.0.0.1', 'API.internal:81 3', '[::1]:1', 'unix:/run/a', 'b']");
  ASSERT_EQ(diagnostics.render(), "");
  const Upstream& out = model.upstreams[0];
  EXPECT_EQ(out.discovery.kind, DiscoveryKind::dns);
  EXPECT_EQ(out.servers.size(), 3U);
  ASSERT_EQ(out.discovery.sought.size(), 2U);
  const Sought& api = out.discovery.sought[0];
  EXPECT_EQ(api.by, Sought::By::address);
  EXPECT_EQ(api.name.value, "api.internal");
  EXPECT_EQ(api.port, 81);
  EXPECT_EQ(api.weight, 3U);
  EXPECT_EQ(out.discovery.sought[1].port, 80);
  EXPECT_EQ(out.algorithm, Algorithm::weighted_round_robin);
}

TEST(Discovery, NamesMayBeStatic) {
  const auto [model, diagnostics] = upstream("addrs = ['a', '10.0.0.1']\ndiscovery = 'static'");
  ASSERT_EQ(diagnostics.render(), "");
  EXPECT_EQ(model.upstreams[0].servers.size(), 2U);
  EXPECT_TRUE(model.upstreams[0].discovery.sought.empty());
}

TEST(Discovery, KeysOfNames) {
  const auto [model, diagnostics] = upstream(R"(addrs = 'a'
discovery = 'dns'
dns_server = ['10.0.0.53', '10.0.0.54:5353', 'fd00::53', '[fd00::54]:5354']
dns_domain = 'internal, example.com'
discovery_allow = ['127.0.0.0/8', '::1']
update_frequency = '10s'
ipv4_only = true)");
  ASSERT_EQ(diagnostics.render(), "");
  const Discovery& out = model.upstreams[0].discovery;
  ASSERT_EQ(out.dns_servers.size(), 4U);
  EXPECT_EQ(out.dns_servers[0].value, "10.0.0.53:53");
  EXPECT_EQ(out.dns_servers[1].value, "10.0.0.54:5353");
  EXPECT_EQ(out.dns_servers[2].value, "[fd00::53]:53");
  EXPECT_EQ(out.dns_servers[3].value, "[fd00::54]:5354");
  EXPECT_EQ(out.dns_search.size(), 2U);
  EXPECT_EQ(out.allow.size(), 2U);
  EXPECT_EQ(out.update_frequency, milliseconds(10'000));
  EXPECT_TRUE(out.ipv4_only);
}

TEST(Discovery, Services) {
  const auto [model, diagnostics] = upstream("addrs = ['srv+_http._tcp.api.internal', '10.0.0.1']");
  ASSERT_EQ(diagnostics.render(), "");
  const Upstream& out = model.upstreams[0];
  ASSERT_EQ(out.discovery.sought.size(), 1U);
  EXPECT_EQ(out.discovery.sought[0].by, Sought::By::service);
  EXPECT_EQ(out.discovery.sought[0].name.value, "_http._tcp.api.internal");
  EXPECT_EQ(out.algorithm, Algorithm::weighted_round_robin);
}

TEST(Discovery, AFileNeedsNoAddresses) {
  const auto [model, diagnostics] = upstream("discovery = 'file'\ndiscovery_file = '/s.json'");
  ASSERT_EQ(diagnostics.render(), "");
  EXPECT_EQ(model.upstreams[0].discovery.file.value, "/s.json");
  EXPECT_TRUE(model.upstreams[0].servers.empty());
}

TEST(Discovery, Labels) {
  const auto [model, diagnostics] = upstream(
      "addrs = ['web', 'a.b/c=d:e:8080 5', 'x=y']\ndiscovery = 'docker'\n"
      "docker_socket = 'unix:///run/docker.sock'");
  ASSERT_EQ(diagnostics.render(), "");
  const Discovery& out = model.upstreams[0].discovery;
  EXPECT_EQ(out.docker_socket, "/run/docker.sock");
  ASSERT_EQ(out.sought.size(), 3U);
  EXPECT_EQ(out.sought[0].name.value, "web");
  EXPECT_EQ(out.sought[0].port, 0);
  EXPECT_EQ(out.sought[1].name.value, "a.b/c=d:e");
  EXPECT_EQ(out.sought[1].port, 8080);
  EXPECT_EQ(out.sought[1].weight, 5U);
  EXPECT_EQ(out.sought[2].name.value, "x=y");
}

TEST(Discovery, WhatMakesNoSense) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"addrs = 'a'\ndiscovery = 'dsn'", "t:3:13: error: unknown `discovery` `dsn`"},
      {"addrs = 'a'\ndiscovery = 'transparent'",
       "t:3:13: error: discovery = \"transparent\" would let clients choose any server"},
      {"discovery = 'file'", "t:2:13: error: discovery = \"file\" needs `discovery_file`"},
      {"addrs = 'a'\ndiscovery_file = 'f'",
       "t:3:18: error: `discovery_file` without discovery = \"file\""},
      {"addrs = 'a'\ndocker_socket = '/s'",
       "t:3:17: error: `docker_socket` without discovery = \"docker\""},
      {"addrs = 'a'\ndiscovery = 'docker'\ndocker_socket = 'run/s'",
       "t:4:17: error: a unix socket needs an absolute path"},
      {"discovery = 'docker'", "t:1:12: error: [upstreams.u] needs `addrs`"},
      {"addrs = '=x'\ndiscovery = 'docker'", "t:2:9: error: `=x` is not a label"},
      {"addrs = 'x:70000'\ndiscovery = 'docker'", "t:2:9: error: `x:70000` is not a label"},
      {"addrs = 'srv+a b'", "t:2:9: error: `b` is not a weight"},
      {"addrs = 'srv+a:80'", "t:2:9: error: `srv+a:80` is not the name of a service"},
      {"addrs = 'srv+a 2'", "t:2:9: error: a weight for `srv+a`"},
      {"addrs = 'srv+a'\ndiscovery = 'static'",
       "t:2:9: error: `srv+a` with discovery = \"static\""},
      {"addrs = 'a'\ndns_server = 'dns.test'",
       "t:3:14: error: `dns.test` is not the address of a DNS server"},
      {"addrs = 'a'\ndns_search = 'a b'", "t:3:14: error: `a b` is not a domain"},
      {"addrs = 'a'\ndiscovery_allow = 'x'", "t:3:19: error: `x` is not an address or network"},
      {"addrs = 'a'\ndns_search = 'x'\ndns_domain = 'y'",
       "t:4:1: error: `dns_search` and `dns_domain` are two names of one key"},
      {"addrs = '10.0.0.1'\nipv4_only = true",
       "t:3:1: warning: no name is looked up for this upstream"},
      {"addrs = ['a 0', 'b 0']", "t:2:10: error: every weight is 0"},
  };
  for (const auto& [keys, problem] : cases) {
    EXPECT_EQ(problems(keys).substr(0, problem.size()), problem) << keys;
  }
}

}  // namespace
}  // namespace pingap::config

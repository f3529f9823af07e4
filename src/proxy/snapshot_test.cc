// What building the running form of a configuration makes of it, and what it finds wrong.
#include "proxy/snapshot.h"

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "config/loader.h"

namespace pingap::proxy {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

struct Built {
  config::Model model;
  config::Diagnostics diagnostics;
  std::shared_ptr<const Snapshot> snapshot;
};

Built build(std::string text) {
  Built built;
  built.model = config::load({{"t", std::move(text)}}, built.diagnostics);
  built.snapshot = build_snapshot(built.model, built.diagnostics);
  return built;
}

const std::string kUpstream = "[upstreams.u]\naddrs = [\"127.0.0.1:1\"]\n";
const std::string kServer = "[servers.s]\naddr = \"127.0.0.1:2\"\nlocations = [\"l\"]\n";

TEST(Snapshot, LetsAServerWaitAsLongAsTheLongestTunnelOfItsLocations) {
  const Built longer =
      build(kUpstream + "[locations.l]\nupstream = \"u\"\ntunnel_timeout = \"2h\"\n" + kServer);
  ASSERT_FALSE(longer.diagnostics.has_errors()) << longer.diagnostics.render();
  EXPECT_EQ(longer.snapshot->sites[0]->routes[0]->settings.tunnel_timeout, hours(2));
  EXPECT_EQ(longer.snapshot->sites[0]->settings.tunnel_timeout, hours(2));
  const Built shorter =
      build(kUpstream + "[locations.l]\nupstream = \"u\"\ntunnel_timeout = \"1m\"\n" + kServer);
  EXPECT_EQ(shorter.snapshot->sites[0]->routes[0]->settings.tunnel_timeout, minutes(1));
  EXPECT_EQ(shorter.snapshot->sites[0]->settings.tunnel_timeout, hours(1));
}

TEST(Snapshot, KeepsTheAddressesOfANameThatDoesNotResolveAnyMore) {
  const auto build_with = [](const std::string& keys, std::vector<net::Address> addresses,
                             const Snapshot* before, config::Diagnostics& diagnostics) {
    const net::NamedAddresses names{{"once.test:80", std::move(addresses)}};
    const config::Model model = config::load(
        {{"t", "[upstreams.u]\ndiscovery = 'static'\naddrs = ['once.test:80']\n" + keys}},
        diagnostics);
    return build_snapshot(model, diagnostics, Finding::later, before, &names);
  };
  const std::vector<net::Address> known = {*net::Address::parse("10.0.0.1:80")};
  config::Diagnostics diagnostics;
  const auto before = build_with("", known, nullptr, diagnostics);
  const auto next = build_with("read_timeout = '1s'\n", {}, before.get(), diagnostics);
  EXPECT_EQ(next->clusters[0]->servers->endpoints()[0]->address, known[0]);
  EXPECT_NE(diagnostics.render().find("the addresses of before are used"), std::string::npos)
      << diagnostics.render();
}

TEST(Snapshot, SignsViaWithTheNameOfTheInstance) {
  const std::string location = "[locations.l]\nupstream = \"u\"\n";
  const Built on =
      build("[basic]\nname = \"edge-1\"\n" + kUpstream + location + kServer + "via = true\n");
  EXPECT_EQ(on.snapshot->sites[0]->via, "edge-1");
  EXPECT_EQ(build(kUpstream + location + kServer).snapshot->sites[0]->via, "");
}

TEST(Snapshot, FindsMistakesInLocationsThatNoServerLists) {
  const Built built =
      build(kUpstream + "[locations.l]\nupstream = \"u\"\n" +
            "[locations.m]\nupstream = \"u\"\nheaders_set = [\"X: $nope\"]\n" + kServer);
  EXPECT_EQ(built.diagnostics.errors(), 1u) << built.diagnostics.render();
}

TEST(Snapshot, FindsMistakesBehindAWrongNameOfAnUpstream) {
  const Built built = build(
      kUpstream + "[locations.l]\nupstream = \"v\"\nheaders_set = [\"X: $nope\"]\n" + kServer);
  EXPECT_EQ(built.diagnostics.errors(), 2u) << built.diagnostics.render();
}

TEST(Snapshot, SaysWhatIsWrongWithALocationOnceForAllItsServers) {
  const Built built =
      build(kUpstream + "[locations.l]\nupstream = \"u\"\nheaders_set = [\"X: $nope\"]\n" +
            kServer + "[servers.t]\naddr = \"127.0.0.1:3\"\nlocations = [\"l\"]\n");
  EXPECT_EQ(built.diagnostics.errors(), 1u) << built.diagnostics.render();
}

TEST(Snapshot, MakesAServerOfEachAddressOfANameThatIsLookedUpOnce) {
  const auto address = [](const char* text) { return *net::Address::parse(text); };
  const net::NamedAddresses names = {
      {"two.test:80", {address("[::1]:80"), address("127.0.0.2:80"), address("[::2]:80")}},
      {"also.test:80", {address("127.0.0.2:80")}}};
  Built built;
  built.model =
      config::load({{"t",
                     "[upstreams.u]\naddrs = ['two.test:80', '127.0.0.3:80', 'also.test:80']\n"
                     "weights = [5, 1, 1]\ndiscovery = 'static'\n[locations.l]\nupstream = 'u'\n" +
                         kServer}},
                   built.diagnostics);
  built.snapshot = build_snapshot(built.model, built.diagnostics, Finding::tried, nullptr, &names);
  ASSERT_FALSE(built.diagnostics.has_errors()) << built.diagnostics.render();
  std::vector<std::string> found;
  for (const auto& one : built.snapshot->clusters[0]->servers->endpoints()) {
    found.push_back(one->name + " " + one->authority + " " + std::to_string(one->weight) + " " +
                    std::to_string(one->priority));
  }
  EXPECT_EQ(found, (std::vector<std::string>{"[::1]:80 two.test:80 5 0", "[::2]:80 two.test:80 5 0",
                                             "127.0.0.3:80 127.0.0.3:80 1 0",
                                             "127.0.0.2:80 two.test:80 5 1"}));
}

TEST(Snapshot, RefusesATemplateThatIsNoText) {
  const auto problem_with = [](const std::string& path) {
    const Built built = build("[basic]\nerror_template = \"" + path + "\"\n" + kUpstream +
                              "[locations.l]\nupstream = \"u\"\n" + kServer);
    EXPECT_EQ(built.diagnostics.errors(), 1u) << built.diagnostics.render();
    return built.diagnostics.entries()[0].hint;
  };
  EXPECT_EQ(problem_with("/none"), "No such file or directory");
  EXPECT_EQ(problem_with("/"), "it is not a regular file");
  const std::string path = testing::TempDir() + "pingap_template_test";
  std::ofstream{path} << "";
  EXPECT_EQ(problem_with(path), "the file is empty");
  std::ofstream{path} << std::string((1 << 20) + 1, 'x');
  EXPECT_EQ(problem_with(path), "it has more than 1024 KiB");
  std::remove(path.c_str());
}

}  // namespace
}  // namespace pingap::proxy

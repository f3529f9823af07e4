#include "proxy/route_counts.h"

#include <gtest/gtest.h>

#include "config/loader.h"

namespace pingap::proxy {
namespace {

// Locations "a", "b", ... of one server, with [metrics].
std::shared_ptr<const Snapshot> build(const std::vector<std::string>& names,
                                      const Snapshot* before = nullptr,
                                      const std::string& metrics = "[metrics]\n") {
  std::string text = "[upstreams.u]\naddrs = [\"127.0.0.1:1\"]\n";
  std::string list;
  for (const std::string& name : names) {
    text += "[locations." + name + "]\nupstream = \"u\"\npath = \"/" + name + "\"\n";
    list += (list.empty() ? "\"" : ", \"") + name + "\"";
  }
  text += "[servers.s]\naddr = \"127.0.0.1:2\"\nlocations = [" + list + "]\n" + metrics;
  config::Diagnostics diagnostics;
  const config::Model model = config::load({{"t", text}}, diagnostics);
  auto snapshot = build_snapshot(model, diagnostics, Finding::later, before);
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.render();
  return snapshot;
}

TEST(RouteCounts, AreNotThereWithoutMetrics) {
  const auto snapshot = build({"a"}, nullptr, "");
  EXPECT_EQ(snapshot->sites[0]->counts, nullptr);
  EXPECT_EQ(snapshot->sites[0]->routes[0]->counts, nullptr);
}

TEST(RouteCounts, StayOverReloads) {
  const auto first = build({"a", "b"});
  const auto second = build({"b", "c"}, first.get());
  EXPECT_EQ(second->sites[0]->counts, first->sites[0]->counts);
  EXPECT_EQ(second->sites[0]->routes[0]->counts, first->sites[0]->routes[1]->counts);
  EXPECT_NE(second->sites[0]->routes[1]->counts, first->sites[0]->routes[0]->counts);
  EXPECT_EQ(second->sites[0]->routes[1]->counts->location(), "c");
  EXPECT_EQ(second->clusters[0]->counts, first->clusters[0]->counts);
}

TEST(RouteCounts, BeginWhenMetricsAreSwitchedOn) {
  const auto off = build({"a"}, nullptr, "");
  const auto on = build({"a"}, off.get());
  ASSERT_NE(on->sites[0]->counts, nullptr);
  EXPECT_NE(on->sites[0]->routes[0]->counts, nullptr);
}

// Nobody is to make two series of one name.
TEST(RouteCounts, AreThoseOfTheRestForALocationThatIsCalledSo) {
  const auto snapshot = build({"_other", "a"});
  const Site& site = *snapshot->sites[0];
  EXPECT_EQ(site.routes[0]->counts, site.counts->rest);
  EXPECT_NE(site.routes[1]->counts, site.counts->rest);
}

TEST(RouteCounts, HaveABound) {
  Site site;
  site.name = "s";
  site.counts = std::make_shared<observe::SiteCounts>("s", 1);
  size_t counted = kMostCounted - 1;
  RouteCounts counts(nullptr, site, 1, counted);
  const std::string last = "last";
  const std::string surplus = "surplus";
  EXPECT_NE(counts.find(last), site.counts->rest);
  EXPECT_EQ(counts.find(surplus), site.counts->rest);
}

}  // namespace
}  // namespace pingap::proxy

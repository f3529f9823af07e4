#include <cstdio>
#include <unistd.h>

#include "plugin/background.h"
#include "plugin/security/geo_database.h"
#include "plugin/security/kinds.h"
#include "plugin/security/test_geo.h"
#include "plugin/test_plugin.h"

namespace pingap::plugin {
namespace {

class GeoTest : public testing::Test {
 protected:
  GeoTest() : path_(testing::TempDir() + "geo-" + std::to_string(::getpid()) + ".mmdb") {
    GeoFile file;
    file.add("192.0.2.0/24", "DE", "EU");
    file.add("198.51.100.0/25", "US", "NA");
    file.add("2001:db8::/32", "JP", "AS");
    file.write(path_);
  }

  ~GeoTest() override { std::remove(path_.c_str()); }

  std::string options(const std::string& more) const {
    return "database = \"" + path_ + "\"\n" + more;
  }

  std::string path_;
};

struct Asker {
  const Made& made;

  bool lets_in(const std::string& client) const {
    Asked asked("/", {}, "GET", client);
    return asked.ask(*made) == Verdict::next;
  }
};

TEST_F(GeoTest, AllowsWhoIsListed) {
  const Made made(kGeoRestriction, options("countries = [\"de\", \"JP\"]"));
  const Asker who{made};
  EXPECT_TRUE(who.lets_in("192.0.2.200"));
  EXPECT_TRUE(who.lets_in("2001:db8:1::1"));
  EXPECT_FALSE(who.lets_in("198.51.100.1"));
  EXPECT_FALSE(who.lets_in("198.51.100.129"));  // in no country
  EXPECT_FALSE(who.lets_in("10.0.0.1"));
  EXPECT_FALSE(who.lets_in("2001:db9::1"));
}

TEST_F(GeoTest, DeniesWhoIsListed) {
  const Made made(kGeoRestriction, options("continents = [\"NA\"]\nmode = \"deny\""));
  const Asker who{made};
  EXPECT_FALSE(who.lets_in("198.51.100.1"));
  EXPECT_TRUE(who.lets_in("192.0.2.1"));
  EXPECT_TRUE(who.lets_in("10.0.0.1"));
}

TEST_F(GeoTest, DecidesAboutWhomNobodyKnows) {
  const Made in(kGeoRestriction, options("countries = [\"DE\"]\nunknown = \"allow\""));
  EXPECT_TRUE(Asker{in}.lets_in("10.0.0.1"));
  EXPECT_FALSE(Asker{in}.lets_in("198.51.100.1"));
  const Made out(kGeoRestriction,
                 options("countries = [\"DE\"]\nmode = \"deny\"\nunknown = \"deny\""));
  EXPECT_FALSE(Asker{out}.lets_in("10.0.0.1"));
  EXPECT_TRUE(Asker{out}.lets_in("198.51.100.1"));
}

TEST_F(GeoTest, TellsWhereTheClientIs) {
  const Made made(kGeoRestriction, options("mode = \"report\""));
  Asked asked("/", {}, "GET", "192.0.2.1");
  EXPECT_EQ(asked.ask(*made), Verdict::next);
  EXPECT_EQ(exchange::Template::compile("$country $continent")->render(asked.x), "DE EU");
  Asked unknown("/", {}, "GET", "10.0.0.1");
  EXPECT_EQ(unknown.ask(*made), Verdict::next);
  EXPECT_EQ(unknown.x.country, "");
}

// security.md: a file that is cut while it is in use must not end the process.
TEST_F(GeoTest, DoesNotNeedTheFileAnyMore) {
  const Made made(kGeoRestriction, options("countries = [\"DE\"]"));
  EXPECT_EQ(::truncate(path_.c_str(), 0), 0);
  EXPECT_TRUE(Asker{made}.lets_in("192.0.2.1"));
}

TEST_F(GeoTest, IsNotMadeOfNonsense) {
  for (const char* more : {"", "countries = [\"Germany\"]", "countries = [\"D1\"]",
                           "continents = [\"XX\"]", "countries = [\"DE\"]\nmode = \"perhaps\""}) {
    EXPECT_TRUE(Made(kGeoRestriction, options(more)).failed()) << more;
  }
  for (const char* path : {"", "/nowhere/at/all"}) {
    EXPECT_TRUE(
        Made(kGeoRestriction, "countries = [\"DE\"]\ndatabase = \"" + std::string(path) + "\"")
            .failed());
  }
}

// Whatever a file holds, it is an answer or an error.
TEST_F(GeoTest, SurvivesBrokenFiles) {
  GeoFile file;
  file.add("192.0.2.0/24", "DE", "EU");
  const std::string good = file.bytes();
  for (size_t size = 0; size < good.size(); size += 7) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << good.substr(0, size);
    if (const auto opened = GeoDatabase::open(path_)) {
      (*opened)->find(*IpAddress::parse("192.0.2.1"));
    }
  }
  for (size_t at = 0; at < good.size(); at += 2) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x5a);
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bad;
    if (const auto opened = GeoDatabase::open(path_)) {
      (*opened)->find(*IpAddress::parse("192.0.2.1"));
      (*opened)->find(*IpAddress::parse("2001:db8::1"));
    }
  }
}

}  // namespace
}  // namespace pingap::plugin

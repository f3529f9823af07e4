// [logging], and the keys of access logs.
#include <string>

#include <gtest/gtest.h>

#include "config/loader_fixture.h"

namespace pingap::config {
namespace {

using fixture::load_text;

const std::string kRest =
    "[upstreams.u]\naddrs = [\"127.0.0.1:1\"]\n[locations.l]\nupstream = \"u\"\n"
    "[servers.s]\naddr = \"127.0.0.1:80\"\nlocations = [\"l\"]\n";

TEST(Logging, HasDefaults) {
  const auto [model, diagnostics] = load_text(kRest);
  EXPECT_EQ(model.logging.output.value, "");
  EXPECT_EQ(model.logging.format, log::Format::text);
  EXPECT_TRUE(model.logging.levels.empty());
  EXPECT_EQ(model.logging.rotate_size, 0U);
  EXPECT_EQ(model.logging.rotate_keep, 14U);
}

TEST(Logging, TakesEveryKey) {
  const auto [model, diagnostics] = load_text(
      kRest +
      "[logging]\noutput = \"/p.log\"\nformat = \"auto\"\nlevels = [\"tls: debug\", "
      "\"proxy:off\"]\nsyslog_facility = \"local1\"\nrotate_size = \"1MiB\"\nrotate_every = "
      "\"day\"\nrotate_keep = 3\nrotate_max_age = \"30d\"\nrotate_compress = true\n");
  EXPECT_EQ(diagnostics.render(), "");
  const Logging& logging = model.logging;
  EXPECT_EQ(logging.output.value, "/p.log");
  EXPECT_EQ(logging.format, log::Format::automatic);
  ASSERT_EQ(logging.levels.size(), 2U);
  EXPECT_EQ(logging.levels[0], std::pair(*log::find_component("tls"), LogLevel::debug));
  EXPECT_EQ(logging.levels[1], std::pair(*log::find_component("proxy"), LogLevel::off));
  EXPECT_EQ(logging.facility.value, "local1");
  EXPECT_EQ(logging.rotate_size, 1U << 20);
  EXPECT_EQ(logging.rotate_every, RotateEvery::day);
  EXPECT_EQ(logging.rotate_keep, 3U);
  EXPECT_EQ(logging.rotate_max_age, std::chrono::hours(30 * 24));
  EXPECT_TRUE(logging.rotate_compress);
}

TEST(Logging, RefusesWhatIsWrong) {
  const std::pair<std::string, std::string> cases[] = {
      {"levels = [\"ssl: debug\"]", "`ssl` is no part of the program; one of `base`, `net`"},
      {"levels = [\"tls\"]", "`tls` needs a level; one of `trace`"},
      {"levels = [\"tls: loud\"]", "`tls` needs a level"},
      {"format = \"xml\"", "unknown `format` `xml`; one of `text`, `json`, `auto`"},
      {"rotate_every = \"week\"", "one of `never`, `hour`, `day`"},
      {"rotate_keep = -1", "rotate_keep"},
      {"rotate_max_age = \"0s\"", "cannot be zero"},
      {"level = \"info\"", "did you mean `levels`?"},
  };
  for (const auto& [key, error] : cases) {
    const auto [model, diagnostics] = load_text(kRest + "[logging]\n" + key + "\n");
    EXPECT_NE(diagnostics.render().find(error), std::string::npos)
        << key << ": " << diagnostics.render();
  }
}

TEST(Logging, ServersAndLocationsHaveTheKeysOfAccessLogs) {
  const std::string keys =
      "access_log = \"/a.log\"\naccess_log_format = \"json\"\naccess_log_status = \"5xx, 404\"\n"
      "access_log_min_duration = \"1s\"\naccess_log_sample = 100\naccess_log_redact = [\"X-Own\", "
      "\"?sid\"]\n";
  const auto [model, diagnostics] = load_text(kRest + keys +
                                              "[locations.o]\nupstream = \"u\"\n"
                                              "path = \"/o\"\n" +
                                              keys);
  EXPECT_EQ(diagnostics.render().find("error"), std::string::npos) << diagnostics.render();
  for (const AccessLog* log : {&model.servers[0].access_log, &model.locations[1].access_log}) {
    EXPECT_EQ(log->to.value, "/a.log");
    EXPECT_EQ(log->format.value, "json");
    ASSERT_TRUE(log->statuses.has_value());
    EXPECT_TRUE(log->statuses->contains(500) && log->statuses->contains(404));
    EXPECT_FALSE(log->statuses->contains(403));
    EXPECT_EQ(log->min_duration, milliseconds(1000));
    EXPECT_EQ(log->sample, 100U);
    EXPECT_EQ(log->redact, (std::vector<std::string>{"X-Own", "?sid"}));
  }
}

TEST(Logging, RefusesWrongKeysOfAccessLogs) {
  const std::pair<std::string, std::string> cases[] = {
      {"access_log_status = [\"6xx\"]", "`6xx` is no status"},
      {"access_log_sample = -1", "access_log_sample"},
      {"access_log_redact = [\"?\"]", "`?` names nothing that could be hidden"},
      {"access_log_redact = [\"a b\"]", "`a b` names nothing"},
      {"access_log_min_duration = 5", "needs a unit"},
  };
  for (const auto& [key, error] : cases) {
    const auto [model, diagnostics] = load_text(kRest + key + "\n");
    EXPECT_NE(diagnostics.render().find(error), std::string::npos)
        << key << ": " << diagnostics.render();
  }
}

}  // namespace
}  // namespace pingap::config

#include "proxy/request_log.h"

#include <gtest/gtest.h>

namespace pingap::proxy {
namespace {

using std::chrono::milliseconds;

config::Located<std::string> text(std::string value) {
  return {std::move(value), {.line = 1, .column = 1}};
}

// "" = not written.
config::AccessLog keys(std::string to, std::string format = {},
                       std::optional<uint32_t> sample = std::nullopt) {
  config::AccessLog all;
  if (!to.empty()) {
    all.to = text(std::move(to));
  }
  if (!format.empty()) {
    all.format = text(std::move(format));
  }
  all.sample = sample;
  return all;
}

std::unique_ptr<RequestLog> built(const config::AccessLog& from) {
  config::Diagnostics diagnostics;
  auto log = build_request_log(from, diagnostics);
  EXPECT_EQ(diagnostics.render(), "");
  return log;
}

TEST(RequestLog, IsOffWithoutAPath) {
  EXPECT_EQ(built({}), nullptr);
  EXPECT_EQ(built(keys("off")), nullptr);
  EXPECT_EQ(built(keys("/a.log"))->path, "/a.log");
  EXPECT_EQ(built(keys("/a.log {status} {uri}"))->path, "/a.log");
}

TEST(RequestLog, RefusesTwoFormats) {
  config::Diagnostics diagnostics;
  EXPECT_EQ(build_request_log(keys("/a.log tiny", "json"), diagnostics), nullptr);
  EXPECT_NE(diagnostics.render().find("`access_log` has a format already"), std::string::npos);
}

TEST(RequestLog, OfALocationTakesWhatItDoesNotSayFromItsServer) {
  config::AccessLog server = keys("/a.log json", {}, 10);
  EXPECT_EQ(inherit_access_log(server, {}), server);
  auto all = inherit_access_log(server, keys("/b.log"));
  EXPECT_EQ(all.to.value, "/b.log");
  EXPECT_EQ(all.format.value, "json");
  EXPECT_EQ(all.sample, 10U);
  all = inherit_access_log(server, keys("", "tiny", 1));
  EXPECT_EQ(all.to.value, "/a.log");
  EXPECT_EQ(all.format.value, "tiny");
  EXPECT_EQ(all.sample, 1U);
  server = keys("/a.log", "json");
  all = inherit_access_log(server, keys("/b.log tiny"));
  EXPECT_EQ(all.to.value, "/b.log tiny");
  EXPECT_EQ(all.format.value, "");
  EXPECT_EQ(built(inherit_access_log(server, keys("off"))), nullptr);
}

TEST(RequestLog, KeepsWhatTheFilterSays) {
  exchange::Exchange x{std::span<char>()};
  x.status = 200;
  x.started = TimePoint(std::chrono::seconds(1));
  x.finished = x.started + milliseconds(5);
  EXPECT_FALSE(built(keys("/a.log"))->filter.on);
  EXPECT_FALSE(built(keys("/a.log", {}, 1))->filter.on);
  StatusSet errors;
  errors.add("5xx");
  auto filtered = keys("/a.log");
  filtered.statuses = errors;
  filtered.min_duration = milliseconds(10);
  const auto strict = built(filtered);
  ASSERT_TRUE(strict->filter.on);
  EXPECT_FALSE(strict->filter.keeps(x, 0)) << "neither, and no chance";
  x.status = 503;
  EXPECT_TRUE(strict->filter.keeps(x, 1));
  x.status = 200;
  x.finished = x.started + milliseconds(10);
  EXPECT_TRUE(strict->filter.keeps(x, 1));
  const auto sampled = built(keys("/a.log", {}, 10));
  EXPECT_TRUE(sampled->filter.keeps(x, 20));
  EXPECT_FALSE(sampled->filter.keeps(x, 21));
  EXPECT_FALSE(built(keys("/a.log", {}, 0))->filter.keeps(x, 0));
}

}  // namespace
}  // namespace pingap::proxy

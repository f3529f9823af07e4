#include "proxy/request_log.h"

#include <gtest/gtest.h>

namespace pingap::proxy {
namespace {

using std::chrono::milliseconds;

config::Located<std::string> text(std::string value) {
  return {std::move(value), {.line = 1, .column = 1}};
}

std::unique_ptr<RequestLog> built(const config::AccessLog& from) {
  config::Diagnostics diagnostics;
  auto log = build_request_log(from, diagnostics);
  EXPECT_EQ(diagnostics.render(), "");
  return log;
}

TEST(RequestLog, IsOffWithoutAPath) {
  EXPECT_EQ(built({}), nullptr);
  EXPECT_EQ(built({.to = text("off")}), nullptr);
  EXPECT_EQ(built({.to = text("/a.log")})->path, "/a.log");
  EXPECT_EQ(built({.to = text("/a.log {status} {uri}")})->path, "/a.log");
}

TEST(RequestLog, RefusesTwoFormats) {
  config::Diagnostics diagnostics;
  EXPECT_EQ(build_request_log({.to = text("/a.log tiny"), .format = text("json")}, diagnostics),
            nullptr);
  EXPECT_NE(diagnostics.render().find("`access_log` has a format already"), std::string::npos);
}

TEST(RequestLog, OfALocationTakesWhatItDoesNotSayFromItsServer) {
  config::AccessLog server{.to = text("/a.log json"), .sample = 10};
  EXPECT_EQ(inherit_access_log(server, {}), server);
  auto all = inherit_access_log(server, {.to = text("/b.log")});
  EXPECT_EQ(all.to.value, "/b.log");
  EXPECT_EQ(all.format.value, "json");
  EXPECT_EQ(all.sample, 10U);
  all = inherit_access_log(server, {.format = text("tiny"), .sample = 1});
  EXPECT_EQ(all.to.value, "/a.log");
  EXPECT_EQ(all.format.value, "tiny");
  EXPECT_EQ(all.sample, 1U);
  server = {.to = text("/a.log"), .format = text("json")};
  all = inherit_access_log(server, {.to = text("/b.log tiny")});
  EXPECT_EQ(all.to.value, "/b.log tiny");
  EXPECT_EQ(all.format.value, "");
  EXPECT_EQ(built(inherit_access_log(server, {.to = text("off")})), nullptr);
}

TEST(RequestLog, KeepsWhatTheFilterSays) {
  exchange::Exchange x{std::span<char>()};
  x.status = 200;
  x.started = TimePoint(std::chrono::seconds(1));
  x.finished = x.started + milliseconds(5);
  EXPECT_FALSE(built({.to = text("/a.log")})->filter.on);
  EXPECT_FALSE(built({.to = text("/a.log"), .sample = 1})->filter.on);
  StatusSet errors;
  errors.add("5xx");
  const auto strict =
      built({.to = text("/a.log"), .statuses = errors, .min_duration = milliseconds(10)});
  ASSERT_TRUE(strict->filter.on);
  EXPECT_FALSE(strict->filter.keeps(x, 0)) << "neither, and no chance";
  x.status = 503;
  EXPECT_TRUE(strict->filter.keeps(x, 1));
  x.status = 200;
  x.finished = x.started + milliseconds(10);
  EXPECT_TRUE(strict->filter.keeps(x, 1));
  const auto sampled = built({.to = text("/a.log"), .sample = 10});
  EXPECT_TRUE(sampled->filter.keeps(x, 20));
  EXPECT_FALSE(sampled->filter.keeps(x, 21));
  EXPECT_FALSE(built({.to = text("/a.log"), .sample = 0})->filter.keeps(x, 0));
}

}  // namespace
}  // namespace pingap::proxy

// Formats and tags: what stands in a line.
#include "exchange/access_log.h"

#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "exchange/access_log_fixture.h"
#include "trace/request_trace.h"

namespace pingap::exchange {
namespace {

using namespace fixture;  // NOLINT(google-build-using-namespace): helpers of these tests

// ---- formats ----

TEST(AccessLog, WritesTheNamedFormats) {
  Sample s;
  s.x.request.headers.add(HeaderId::referer, "http://a.test/");
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"default",
       "2026-01-02T03:04:05.678+01:00 192.0.2.1 \"GET /api/items?page=2 HTTP/1.1\" 200 - in=0 "
       "out=1024 12345us upstream=10.0.0.1:8080 attempts=1 failed=- host=\"example.test\" "
       "agent=\"curl/8.5.0\"\n"},
      {"common",
       "192.0.2.1 - - [02/Jan/2026:03:04:05 +0100] \"GET /api/items?page=2 HTTP/1.1\" 200 1024\n"},
      {"combined",
       "192.0.2.1 - - [02/Jan/2026:03:04:05 +0100] \"GET /api/items?page=2 HTTP/1.1\" 200 1024 "
       "\"http://a.test/\" \"curl/8.5.0\"\n"},
      {"tiny", "GET /api/items?page=2 200 1.0KiB - 12ms\n"},
      {"short", "192.0.2.7 GET /api/items?page=2 HTTP/1.1 200 1.0KiB - 12ms\n"},
      {"json",
       R"({"time":"2026-01-02T02:04:05.678Z","client":"192.0.2.1","peer":"192.0.2.7",)"
       R"("method":"GET","uri":"/api/items?page=2","proto":"HTTP/1.1","host":"example.test",)"
       R"("status":200,"reason":"-","server":"main","location":"api",)"
       R"("upstream":"10.0.0.1:8080","upstream_name":"backend","upstream_status":200,)"
       R"("attempts":1,"failed_tries":"","reused":true,"request_bytes":0,"response_bytes":1024,)"
       R"("duration_us":12345,"user_agent":"curl/8.5.0","referer":"http://a.test/"})"
       "\n"},
  };
  for (const auto& [format, line] : cases) {
    EXPECT_EQ(line_of(format, s.x), line);
  }
  EXPECT_EQ(line_of("", s.x), cases[0].second);
}

TEST(AccessLog, WritesEveryTag) {
  ::setenv("PINGAP_LOG_TEST", "a \"b\"", 1);
  Sample s;
  s.x.request.headers.add(HeaderId::x_request_id, "id-1");
  s.x.request.headers.add(HeaderId::referer, "http://a.test/");
  s.x.request.headers.add("X-Own", "own");
  s.x.request.headers.add(HeaderId::cookie, "a=1; session=deadbeef");
  s.x.response.headers.add(HeaderId::content_type, "text/plain");
  s.x.response.headers.add("X-Answer", "yes");
  s.x.request_bytes = 2'500'000;
  s.x.reason = ErrorCode::client_closed;
  s.x.plugin = "limits";
  trace::RequestTrace trace;
  trace.trace = {0x0af7651916cd43dd, 0x8448eb211c80319c};
  trace.span = 0xb7ad6b7169203331;
  s.x.trace = &trace;
  s.x.plugin_reason = "too many requests";
  s.x.reason_side = Side::downstream;
  s.x.failed_tries = "10.0.0.2:80=503";
  s.x.tls_version = "TLSv1.3";
  s.x.tls_cipher = "TLS_AES_128_GCM_SHA256";
  s.x.tls_server_name = "sni.test";
  s.x.tls_client_subject = "CN=Jane";
  const std::map<std::string_view, std::string_view> values = {
      {"when", "2026-01-02T03:04:05.678+01:00"},
      {"when_utc_iso", "2026-01-02T02:04:05.678Z"},
      {"when_unix", "1767319445678"},
      {"when_clf", "02/Jan/2026:03:04:05 +0100"},
      {"remote", "192.0.2.7"},
      {"remote_port", "50000"},
      {"client_ip", "192.0.2.1"},
      {"server", "main"},
      {"server_addr", "127.0.0.1"},
      {"server_port", "8080"},
      {"location", "api"},
      {"upstream", "backend"},
      {"upstream_addr", "10.0.0.1:8080"},
      {"upstream_status", "200"},
      {"upstream_reused", "true"},
      {"upstream_connect_time", "2"},
      {"upstream_response_time", "5"},
      {"attempts", "1"},
      {"failed_tries", "10.0.0.2:80=503"},
      {"method", "GET"},
      {"path", "/api/items"},
      {"query", "page=2"},
      {"uri", "/api/items?page=2"},
      {"proto", "HTTP/1.1"},
      {"scheme", "http"},
      {"tls_version", "TLSv1.3"},
      {"tls_cipher", "TLS_AES_128_GCM_SHA256"},
      {"tls_server_name", "sni.test"},
      {"tls_client_subject", "CN=Jane"},
      {"host", "example.test"},
      {"referer", "http://a.test/"},
      {"user_agent", "curl/8.5.0"},
      {"request_id", "id-1"},
      {"trace_id", "0af7651916cd43dd8448eb211c80319c"},
      {"span_id", "b7ad6b7169203331"},
      {"status", "200"},
      {"reason", "client_closed"},
      {"plugin", "limits"},
      {"plugin_reason", "too many requests"},
      {"reason_side", "downstream"},
      {"size", "1024"},
      {"size_human", "1.0KiB"},
      {"payload_size", "2500000"},
      {"payload_size_human", "2.3MiB"},
      {"latency", "12"},
      {"latency_us", "12345"},
      {"latency_human", "12.3ms"},
  };
  for (const LogTagInfo& info : log_tags()) {
    ASSERT_TRUE(values.contains(info.name)) << info.name;
    const std::string name(info.name);
    const std::string wanted(values.at(info.name));
    EXPECT_EQ(line_of("{" + name + "}", s.x), wanted + "\n") << name;
    EXPECT_EQ(line_of("<{:" + name + "}>", s.x), "<" + wanted + ">\n") << name;
  }
  EXPECT_EQ(line_of("{>x-own} {>USER-AGENT} {>none}", s.x), "own curl/8.5.0 -\n");
  EXPECT_EQ(line_of("{<Content-Type} {<x-answer} {<none}", s.x), "text/plain yes -\n");
  EXPECT_EQ(line_of("{$PINGAP_LOG_TEST} {$PINGAP_LOG_TEST_NONE}", s.x), "a \\x22b\\x22 -\n");
  s.x.request_id = "made-by-us";
  EXPECT_EQ(line_of("{request_id}", s.x), "made-by-us\n");
  EXPECT_EQ(line_of("{hostname}", s.x), line_of("{$hostname}", s.x));
  EXPECT_GT(line_of("{hostname}", s.x).size(), 1U);
}

TEST(AccessLog, WritesDashesForWhatThereIsNot) {
  Exchange x{std::span<char>()};
  for (const LogTagInfo& info : log_tags()) {
    const std::string line = line_of("{" + std::string(info.name) + "}", x);
    EXPECT_GT(line.size(), 1U) << info.name;
    EXPECT_EQ(line.find('\n'), line.size() - 1);
  }
  EXPECT_EQ(line_of("{remote} {remote_port} {uri} {path} {query} {method} {proto}", x),
            "- - - - - - -\n");
  EXPECT_EQ(line_of("{upstream_status} {upstream_reused} {upstream_connect_time} "
                    "{upstream_response_time} {reason} {reason_side} {~a} {>a} {<a}",
                    x),
            "- - - - - - - - -\n");
  auto members = FlatJson::read(line_of("json", x).substr(0, line_of("json", x).size() - 1));
  ASSERT_TRUE(members.has_value());
  EXPECT_EQ((*members)["upstream_status"], "null");
  EXPECT_EQ((*members)["reused"], "null");
  EXPECT_EQ((*members)["uri"], "");
  EXPECT_EQ((*members)["reason"], "-");
}

TEST(AccessLog, ShowsTheTargetAsReceivedWhenItWasRefused) {
  Sample s;
  s.x.uri.target = s.x.uri.path = s.x.uri.query = s.x.host = {};
  s.x.request.target = "/%2e%2e/x?y";
  s.x.request.host = "Example.Test";
  EXPECT_EQ(line_of("{uri} {path} {query} {host}", s.x), "/%2e%2e/x?y /%2e%2e/x y Example.Test\n");
}

TEST(AccessLog, WritesHumanNumbers) {
  Sample s;
  const std::pair<uint64_t, std::string_view> sizes[] = {{0, "0B"},
                                                         {1023, "1023B"},
                                                         {1024, "1.0KiB"},
                                                         {1536, "1.5KiB"},
                                                         {1048575, "1023.9KiB"},
                                                         {1048576, "1.0MiB"},
                                                         {5'368'709'120, "5.0GiB"},
                                                         {UINT64_MAX, "17179869183.9GiB"}};
  for (const auto& [size, text] : sizes) {
    s.x.response_bytes = size;
    EXPECT_EQ(line_of("{size_human}", s.x), std::string(text) + "\n");
  }
  const std::pair<int, std::string_view> times[] = {
      {0, "0us"}, {999, "999us"}, {1000, "1.0ms"}, {999'999, "999.9ms"}, {61'500'000, "61.5s"}};
  for (const auto& [time, text] : times) {
    s.x.finished = s.x.started + microseconds(time);
    EXPECT_EQ(line_of("{latency_human}", s.x), std::string(text) + "\n");
  }
  s.x.finished = {};  // never set: not a giant number
  EXPECT_EQ(line_of("{latency_us}", s.x), "0\n");
}

TEST(AccessLog, TakesBracesThatAreDoubled) {
  Sample s;
  EXPECT_EQ(line_of("{{{status}}} {{}}", s.x), "{200} {}\n");
}

TEST(AccessLog, SaysWhatIsWrongWithAFormat) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"{stauts}", "unknown tag \"{stauts}\""},
      {"{}", "unknown tag \"{}\""},
      {"{>}", "unknown tag"},
      {"{$}", "unknown tag"},
      {"{:latency_ms}", "unknown tag"},
      {"combine", "unknown access log format \"combine\"; allowed are default, common"},
      {"{status", "single \"{\""},
      {"{status} }", "single \"}\""},
      {"{status}\n{uri}", "control character"},
  };
  for (const auto& [format, error] : cases) {
    auto result = AccessLogFormat::compile(format);
    ASSERT_FALSE(result.has_value()) << format;
    EXPECT_NE(result.error().find(error), std::string::npos) << result.error();
  }
  const std::string error = AccessLogFormat::compile("{nothing}").error();
  for (const LogTagInfo& info : log_tags()) {
    EXPECT_NE(error.find("{" + std::string(info.name) + "}"), std::string::npos);
  }
}

TEST(AccessLog, RefusesAFormatThatLeavesNoRoom) {
  EXPECT_FALSE(AccessLogFormat::compile(std::string(9000, 'x') + "{uri}").has_value());
  std::string many;
  for (int i = 0; i < 1000; ++i) {
    many += "{when_unix}";
  }
  EXPECT_FALSE(AccessLogFormat::compile(many).has_value());
}

TEST(AccessLog, HasRoomForTheNameOfEveryReason) {
  for (size_t i = 0; i < static_cast<size_t>(ErrorCode::count_); ++i) {
    EXPECT_LE(to_string(static_cast<ErrorCode>(i)).size() + 2, find_log_tag("reason")->max_size);
  }
}

// ---- documentation ----

std::string documentation() {
  std::ifstream file(PINGAP_DOCS "/access-log.md");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(AccessLog, IsDocumentedWithEveryTag) {
  const std::string doc = documentation();
  for (const LogTagInfo& info : log_tags()) {
    EXPECT_NE(doc.find("| `{" + std::string(info.name) + "}` |"), std::string::npos) << info.name;
  }
}

TEST(AccessLog, HasTheFormatsOfTheDocumentation) {
  const std::string doc = documentation();
  Sample s;
  for (const std::string name : {"default", "common", "combined", "tiny", "short"}) {
    const std::string row = "| `" + name + "` | `";
    const size_t begin = doc.find(row);
    ASSERT_NE(begin, std::string::npos) << name;
    const size_t end = doc.find("` |", begin + row.size());
    const std::string format = doc.substr(begin + row.size(), end - begin - row.size());
    EXPECT_EQ(line_of(name, s.x), line_of(format, s.x));
  }
}

}  // namespace
}  // namespace pingap::exchange

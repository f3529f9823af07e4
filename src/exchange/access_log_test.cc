// Formats and tags: what stands in a line.
#include "exchange/access_log.h"

#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "exchange/access_log_fixture.h"
#include "exchange/secrets.h"
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
       R"("status":200,"reason":"-","termination":"--","server":"main","location":"api",)"
       R"("upstream":"10.0.0.1:8080","upstream_name":"backend","upstream_status":200,)"
       R"("attempts":1,"failed_tries":"","reused":true,"request_bytes":0,"response_bytes":1024,)"
       R"("duration_us":12345,"user_agent":"curl/8.5.0","referer":"http://a.test/",)"
       R"("request_id":"","trace_id":null})"
       "\n"},
  };
  for (const auto& [format, line] : cases) {
    EXPECT_EQ(line_of(format, s.x), line);
  }
  EXPECT_EQ(line_of("", s.x), cases[0].second);
  EXPECT_EQ(line_of("logfmt", s.x),
            "time=\"2026-01-02T02:04:05.678Z\" client=\"192.0.2.1\" peer=\"192.0.2.7\" "
            "method=\"GET\" uri=\"/api/items?page=2\" proto=\"HTTP/1.1\" host=\"example.test\" "
            "status=200 reason=\"-\" termination=\"--\" server=\"main\" location=\"api\" "
            "upstream=\"10.0.0.1:8080\" upstream_name=\"backend\" upstream_status=200 attempts=1 "
            "failed_tries=\"\" reused=true request_bytes=0 response_bytes=1024 duration_us=12345 "
            "user_agent=\"curl/8.5.0\" referer=\"http://a.test/\" request_id=\"\" trace_id=null\n");
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
  s.x.tls_client_fingerprint = "ab12";
  s.x.forwarded_for = "192.0.2.1, 192.0.2.7";
  s.x.connection = 1025;
  s.x.connection_requests = 3;
  s.x.connected = s.x.started - milliseconds(100);
  s.x.queued = milliseconds(1);
  const Known user{"user", "jane", nullptr};
  s.x.known = &user;
  for (const auto& [id, value] : {std::pair{HeaderId::content_type, "text/x"},
                                  {HeaderId::content_length, "5"},
                                  {HeaderId::accept, "*/*"},
                                  {HeaderId::accept_encoding, "gzip"},
                                  {HeaderId::origin, "http://o.test"},
                                  {HeaderId::range, "bytes=0-"},
                                  {HeaderId::x_forwarded_for, "192.0.2.1"}}) {
    s.x.request.headers.add(id, value);
  }
  s.x.response.headers.add(HeaderId::content_encoding, "br");
  s.x.response.headers.add(HeaderId::location, "/there");
  s.x.response.headers.add("Cache-Status", "pingap; hit");
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
      {"compression_ratio", "4.2"},
      {"compression_time", "1.5"},
      {"request_time", "0.012"},
      {"msec", "1767319445.678"},
      {"forwarded_for", "192.0.2.1, 192.0.2.7"},
      {"connection_id", "1025"},
      {"connection_requests", "3"},
      {"connection_time", "112"},
      {"processing_time", "0"},
      {"queue_time", "1"},
      {"upstream_time", "11"},
      {"transfer_time", "4"},
      {"retries", "0"},
      {"tries", "10.0.0.2:80=503,10.0.0.1:8080=200"},
      {"request", "GET /api/items?page=2 HTTP/1.1"},
      {"request_uri", "/api/items?page=2"},
      {"tls_client_fingerprint", "ab12"},
      {"content_type", "text/x"},
      {"content_length", "5"},
      {"accept", "*/*"},
      {"accept_encoding", "gzip"},
      {"origin", "http://o.test"},
      {"range", "bytes=0-"},
      {"x_forwarded_for", "192.0.2.1"},
      {"remote_user", "jane"},
      {"grpc", "false"},
      {"status_class", "2xx"},
      {"termination", "CD"},
      {"sent_content_type", "text/plain"},
      {"content_encoding", "br"},
      {"cache_status", "pingap; hit"},
      {"redirect", "/there"},
  };
  for (const LogTagInfo& info : log_tags()) {
    ASSERT_TRUE(values.contains(info.name)) << info.name;
    const std::string name(info.name);
    const std::string wanted(values.at(info.name));
    EXPECT_EQ(line_of("{" + name + "}", s.x), wanted + "\n") << name;
    EXPECT_EQ(line_of("<{:" + name + "}>", s.x), "<" + wanted + ">\n") << name;
    EXPECT_EQ(line_of("$" + name, s.x), wanted + "\n") << name;
    EXPECT_EQ(line_of("${" + name + "}x", s.x), wanted + "x\n") << name;
    if (!info.variable.empty()) {
      EXPECT_EQ(line_of("$" + std::string(info.variable), s.x), wanted + "\n") << info.variable;
    }
  }
  EXPECT_GE(log_tags().size(), 60U);
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

TEST(AccessLog, TakesFamiliesOfVariables) {
  ::setenv("PINGAP_LOG_TEST", "a \"b\"", 1);
  Sample s;
  s.x.request.headers.add("X-Own", "own");
  s.x.request.headers.add(HeaderId::authorization, "Basic abc");
  s.x.request.headers.add(HeaderId::cookie, "sid=deadbeef");
  s.x.response.headers.add("X-Answer", "yes");
  const Known claim{"sub", "42", nullptr};
  s.x.known = &claim;
  s.x.uri.query = "page=2&token=hunter2";
  EXPECT_EQ(line_of("$http_x_own $http_x-own ${http_user_agent}! $http_authorization", s.x),
            "own own curl/8.5.0! ***\n");
  EXPECT_EQ(line_of("$sent_http_x_answer $sent_http_none", s.x), "yes -\n");
  EXPECT_EQ(line_of("$cookie_sid $cookie_none", s.x), "*** -\n");
  EXPECT_EQ(line_of("$arg_page $arg_token $arg_none", s.x), "2 *** -\n");
  EXPECT_EQ(line_of("$auth_sub $auth_none", s.x), "42 -\n");
  EXPECT_EQ(line_of("$env_PINGAP_LOG_TEST", s.x), "a \\x22b\\x22\n");
  EXPECT_EQ(line_of("$hostname", s.x), line_of("{hostname}", s.x));
  EXPECT_EQ(line_of("$$status costs $5 and $", s.x), "$status costs $5 and $\n");
  EXPECT_EQ(line_of("$status{status}$status", s.x), "200200200\n");
}

TEST(AccessLog, HidesWhatTheConfigurationSays) {
  Sample s;
  s.x.request.headers.add("X-Own", "own");
  s.x.uri.target = "/a?page=2&sid=7";
  s.x.uri.path = "/a";
  s.x.uri.query = "page=2&sid=7";
  s.x.request.target = s.x.uri.target;
  const std::vector<std::string> redact = {"x-own", "?sid", "User-Agent"};
  const Redaction redaction(redact);
  s.x.redacted = redaction.first();
  EXPECT_EQ(
      line_of("{uri} {query} {request} {request_uri} {>x-own} {user_agent} $arg_sid $arg_page",
              s.x),
      "/a?page=2&sid=*** page=2&sid=*** GET /a?page=2&sid=*** HTTP/1.1 /a?page=2&sid=*** *** "
      "*** *** 2\n");
}

TEST(AccessLog, WritesListsOfTagsAsJsonAndLogfmt) {
  Sample s;
  s.x.request.headers.add(HeaderId::referer, "http://a.test/\"x y\"");
  EXPECT_EQ(
      line_of("json:status, from=client_ip,ref=referer,upstream_status,ua=http_user_agent", s.x),
      R"({"status":200,"from":"192.0.2.1","ref":"http://a.test/\"x y\"",)"
      R"("upstream_status":200,"ua":"curl/8.5.0"})"
      "\n");
  EXPECT_EQ(line_of("logfmt:status,ref=referer,t=when_utc_iso", s.x),
            R"(status=200 ref="http://a.test/\"x y\"" t="2026-01-02T02:04:05.678Z")"
            "\n");
  const std::string host = line_of("{hostname}", s.x);
  EXPECT_EQ(line_of("json:hostname", s.x),
            "{\"hostname\":\"" + host.substr(0, host.size() - 1) + "\"}\n");
  for (const char* wrong : {"json:", "json:nothing", "json:a b=status", "logfmt:", "json:=status",
                            "jsonx", "json:status,,uri"}) {
    EXPECT_FALSE(AccessLogFormat::compile(wrong).has_value()) << wrong;
  }
}

TEST(AccessLog, SaysHowAnExchangeEnded) {
  struct Case {
    ErrorCode reason;
    int phase;  // 0 before a server, 1 connecting, 2 sent, 3 answered
    std::string_view letters;
  };

  const Case cases[] = {
      {ErrorCode::none, 3, "--"},
      {ErrorCode::bad_host, 0, "PR"},
      {ErrorCode::no_route, 0, "PR"},
      {ErrorCode::rate_limited, 0, "PR"},
      {ErrorCode::header_timeout, 0, "cR"},
      {ErrorCode::body_timeout, 2, "cH"},
      {ErrorCode::client_closed, 0, "CR"},
      {ErrorCode::client_closed, 1, "CC"},
      {ErrorCode::client_reset, 2, "CH"},
      {ErrorCode::client_reset, 3, "CD"},
      {ErrorCode::client_stalled, 3, "cD"},
      {ErrorCode::upstream_refused, 1, "SC"},
      {ErrorCode::upstream_timeout, 2, "sH"},
      {ErrorCode::upstream_truncated, 3, "SD"},
      {ErrorCode::queue_timeout, 0, "sQ"},
      {ErrorCode::upstream_limit, 0, "RQ"},
      {ErrorCode::deadline_exceeded, 2, "TH"},
      {ErrorCode::shutting_down, 3, "KD"},
      {ErrorCode::buffer_full, 3, "RD"},
  };
  for (const Case& one : cases) {
    Sample s;
    s.x.reason = one.reason;
    s.x.connect_start = one.phase > 0 ? s.x.connect_start : TimePoint{};
    s.x.request_sent = one.phase > 1 ? s.x.request_sent : TimePoint{};
    s.x.first_byte = one.phase > 2 ? s.x.first_byte : TimePoint{};
    EXPECT_EQ(line_of("{termination}", s.x), std::string(one.letters) + "\n")
        << to_string(one.reason) << " " << one.phase;
  }
  Sample s;
  s.x.plugin = "mock";
  EXPECT_EQ(line_of("{termination}", s.x), "LR\n");
  for (size_t i = 1; i < static_cast<size_t>(ErrorCode::count_); ++i) {
    s.x.reason = static_cast<ErrorCode>(i);
    const std::string line = line_of("{termination}", s.x);
    EXPECT_EQ(line.size(), 3U) << to_string(s.x.reason);
    EXPECT_EQ(line.find_first_of("?-"), std::string::npos) << to_string(s.x.reason);
  }
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
      {"$stauts", "unknown variable \"$stauts\""},
      {"$http_", "unknown variable"},
      {"${status", "no closing brace"},
      {"${}", "unknown variable"},
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
    std::string row = "| `{" + std::string(info.name) + "}` | `$" + std::string(info.name) + "`";
    if (!info.variable.empty()) {
      row += ", `$" + std::string(info.variable) + "`";
    }
    row += " | " + std::string(info.about) + " |\n";
    EXPECT_NE(doc.find(row), std::string::npos) << "missing: " << row;
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

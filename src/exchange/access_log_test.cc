#include "exchange/access_log.h"

#include <array>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace pingap::exchange {
namespace {

using http::HeaderId;
using std::chrono::microseconds;
using std::chrono::milliseconds;

const WallTime kNow{milliseconds(1767319445678)};

// An exchange as it is when all went well; its members are changed by the tests.
struct Sample {
  std::array<char, 4096> block;
  Exchange x{std::span<char>(block)};
  std::array<http::Field, 16> request_fields;
  std::array<http::Field, 16> response_fields;

  Sample() {
    ::setenv("TZ", "XXX-1", 1);
    ::tzset();
    x.request.method_text = "GET";
    x.request.target = "/api/items?page=2";
    x.request.headers = http::HeaderMap(request_fields);
    x.request.headers.add(HeaderId::user_agent, "curl/8.5.0");
    x.response.headers = http::HeaderMap(response_fields);
    x.uri.target = "/api/items?page=2";
    x.uri.path = "/api/items";
    x.uri.query = "page=2";
    x.host = "example.test";
    x.client_text = "192.0.2.1";
    x.peer_text = "192.0.2.7";
    x.peer_port = 50000;
    x.server_addr = "127.0.0.1";
    x.server_port = 8080;
    x.server = "main";
    x.location = "api";
    x.upstream = "backend";
    x.endpoint = "10.0.0.1:8080";
    x.status = 200;
    x.upstream_status = 200;
    x.attempts = 1;
    x.upstream_reused = true;
    x.response_bytes = 1024;
    x.started = TimePoint(std::chrono::seconds(100));
    x.connect_start = x.started + milliseconds(1);
    x.request_sent = x.started + milliseconds(3);
    x.first_byte = x.started + milliseconds(8);
    x.finished = x.started + microseconds(12'345);
  }
};

AccessLogFormat compiled(std::string_view format) {
  auto result = AccessLogFormat::compile(format);
  EXPECT_TRUE(result.has_value()) << format << ": " << result.error();
  return std::move(result.value());
}

std::string line_of(const AccessLogFormat& format, const Exchange& x,
                    size_t room = AccessLogFormat::kMaxLine) {
  // The bytes behind the room tell whether they were left alone.
  std::string out(room + 64, '\xee');
  const size_t size = format.write(x, kNow, std::span<char>(out.data(), room));
  EXPECT_LE(size, room);
  EXPECT_EQ(out.substr(room), std::string(64, '\xee'));
  return out.substr(0, size);
}

std::string line_of(std::string_view format, const Exchange& x) {
  return line_of(compiled(format), x);
}

// ---- a small strict JSON reader: one flat object ----

class FlatJson {
 public:
  static std::optional<std::map<std::string, std::string>> read(std::string_view text) {
    FlatJson reader(text);
    return reader.object() && reader.text_.empty() ? std::optional(reader.members_) : std::nullopt;
  }

 private:
  explicit FlatJson(std::string_view text) : text_(text) {}

  bool take(std::string_view token) {
    if (!text_.starts_with(token)) {
      return false;
    }
    text_.remove_prefix(token.size());
    return true;
  }

  bool object() {
    if (!take("{")) {
      return false;
    }
    do {
      std::string key;
      std::string value;
      if (!string(key) || !take(":") || !(string(value) || scalar(value))) {
        return false;
      }
      members_[key] = value;
    } while (take(","));
    return take("}");
  }

  bool scalar(std::string& value) {
    for (const std::string_view word : {"null", "true", "false"}) {
      if (take(word)) {
        value = word;
        return true;
      }
    }
    while (!text_.empty() && text_[0] >= '0' && text_[0] <= '9') {
      value += text_[0];
      text_.remove_prefix(1);
    }
    return !value.empty() && (value.size() == 1 || value[0] != '0');
  }

  bool string(std::string& value) {
    if (!take("\"")) {
      return false;
    }
    while (!text_.empty() && text_[0] != '"') {
      const auto c = static_cast<unsigned char>(text_[0]);
      if (c < 0x20) {
        return false;
      }
      text_.remove_prefix(1);
      if (c != '\\') {
        value += static_cast<char>(c);
      } else if (!escape(value)) {
        return false;
      }
    }
    return take("\"");
  }

  bool escape(std::string& value) {
    if (take("\"") || take("\\")) {
      value += *(text_.data() - 1);
      return true;
    }
    if (!take("u") || text_.size() < 4) {
      return false;
    }
    const auto code =
        static_cast<unsigned>(std::stoul(std::string(text_.substr(0, 4)), nullptr, 16));
    text_.remove_prefix(4);
    if (code < 0x80) {
      value += static_cast<char>(code);
    } else {
      value += "<" + std::to_string(code) + ">";
    }
    return true;
  }

  std::string_view text_;
  std::map<std::string, std::string> members_;
};

// ---- formats ----

TEST(AccessLog, WritesTheNamedFormats) {
  Sample s;
  s.x.request.headers.add(HeaderId::referer, "http://a.test/");
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"default",
       "2026-01-02T03:04:05.678+01:00 192.0.2.1 \"GET /api/items?page=2 HTTP/1.1\" 200 - in=0 "
       "out=1024 12345us upstream=10.0.0.1:8080 attempts=1 host=\"example.test\" "
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
       R"("attempts":1,"reused":true,"request_bytes":0,"response_bytes":1024,)"
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
  s.x.reason_side = Side::downstream;
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
      {"method", "GET"},
      {"path", "/api/items"},
      {"query", "page=2"},
      {"uri", "/api/items?page=2"},
      {"proto", "HTTP/1.1"},
      {"scheme", "http"},
      {"host", "example.test"},
      {"referer", "http://a.test/"},
      {"user_agent", "curl/8.5.0"},
      {"request_id", "id-1"},
      {"status", "200"},
      {"reason", "client_closed"},
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

// ---- hostile input ----

TEST(AccessLog, StaysOneLineWhateverAFieldHolds) {
  using namespace std::string_view_literals;
  const std::string_view hostile[] = {"\n",
                                      "\r",
                                      "\r\n200 OK",
                                      "\x1b[2J",
                                      "\"",
                                      "\\",
                                      "\",\"status\":200,\"x\":\"",
                                      "\xff",
                                      "\xe2\x80\xa8",
                                      "\0"sv,
                                      "%n%s%p",
                                      "{}",
                                      "\xc2\x9b",
                                      "\xf0\x9f",
                                      "'; DROP",
                                      "</script>"};
  for (const std::string_view value : hostile) {
    for (int field = 0; field < 12; ++field) {
      Sample s;
      std::string_view* const members[] = {
          &s.x.uri.target,  &s.x.uri.path, &s.x.uri.query, &s.x.host,    &s.x.request.method_text,
          &s.x.client_text, &s.x.endpoint, &s.x.server,    &s.x.location};
      if (field < 9) {
        *members[field] = value;
      } else if (field == 9) {
        s.x.request.headers.set(HeaderId::user_agent, value);
      } else if (field == 10) {
        s.x.request.headers.set(HeaderId::referer, value);
      } else {
        s.x.request.headers.set("x-any", value);
      }
      for (const std::string_view format :
           {"json"sv, "default"sv, "combined"sv, "{>x-any} {uri}"sv}) {
        const std::string line = line_of(format, s.x);
        ASSERT_EQ(line.find('\n'), line.size() - 1);
        for (const char c : line.substr(0, line.size() - 1)) {
          ASSERT_GE(static_cast<unsigned char>(c), 0x20);
          ASSERT_NE(c, '\x7f');
        }
        if (format == "json") {
          auto object = FlatJson::read(line.substr(0, line.size() - 1));
          ASSERT_TRUE(object.has_value()) << line;
          ASSERT_EQ(object->size(), 21U);
          ASSERT_EQ((*object)["status"], "200");
        }
      }
    }
  }
}

TEST(AccessLog, RoundTripsAsciiThroughJson) {
  Sample s;
  std::string all;
  for (char c = 1; c < 0x7f; ++c) {
    all += c;
  }
  s.x.request.headers.set(HeaderId::user_agent, all);
  const std::string line = line_of("json", s.x);
  auto object = FlatJson::read(line.substr(0, line.size() - 1));
  ASSERT_TRUE(object.has_value());
  EXPECT_EQ((*object)["user_agent"], all);
}

TEST(AccessLog, CutsAFieldAtFourKibibytes) {
  Sample s;
  for (const char c : {'a', '\n', '\xff'}) {
    const std::string giant(16 * 1024, c);
    s.x.request.headers.set(HeaderId::user_agent, giant);
    const std::string line = line_of("{user_agent}|{status}", s.x);
    EXPECT_LE(line.size(), AccessLogFormat::kMaxField + 5);
    EXPECT_GT(line.size(), AccessLogFormat::kMaxField - 10);
    EXPECT_TRUE(line.ends_with("[cut]|200\n"));
  }
  const std::string fits(AccessLogFormat::kMaxField - 16, 'a');
  s.x.request.headers.set(HeaderId::user_agent, fits);
  EXPECT_EQ(line_of("{user_agent}", s.x), fits + "\n");
}

TEST(AccessLog, CutsALineAtSixteenKibibytesAndKeepsItWhole) {
  Sample s;
  const std::string giant(8000, 'g');
  s.x.uri.target = s.x.host = s.x.client_text = s.x.peer_text = s.x.endpoint = giant;
  s.x.server = s.x.location = s.x.upstream = giant;
  s.x.request.headers.set(HeaderId::user_agent, giant);
  s.x.request.headers.set(HeaderId::referer, giant);
  const std::string json = line_of("json", s.x);
  EXPECT_LE(json.size(), AccessLogFormat::kMaxLine);
  EXPECT_GT(json.size(), AccessLogFormat::kMaxLine - 100);
  auto object = FlatJson::read(json.substr(0, json.size() - 1));
  ASSERT_TRUE(object.has_value());
  EXPECT_EQ(object->size(), 21U);
  EXPECT_EQ((*object)["duration_us"], "12345");
  EXPECT_EQ((*object)["referer"], "[cut]");
  std::string many;
  for (int i = 0; i < 100; ++i) {
    many += "{uri} ";
  }
  EXPECT_LE(line_of(many, s.x).size(), AccessLogFormat::kMaxLine);
}

TEST(AccessLog, FitsAnyRoomOrWritesNothing) {
  Sample s;
  const std::string agent = std::string(300, 'a') + "\n\xff\"" + std::string(300, 'b');
  s.x.request.headers.set(HeaderId::user_agent, agent);
  s.x.uri.target = "/a?token=1&b=2&password=x";
  for (const std::string_view name : {"default", "json", "combined", "tiny"}) {
    const AccessLogFormat format = compiled(name);
    const size_t whole = line_of(format, s.x).size();
    for (size_t room = 0; room <= whole; ++room) {
      const std::string line = line_of(format, s.x, room);
      if (!line.empty()) {
        ASSERT_TRUE(line.ends_with('\n'));
        ASSERT_TRUE(name != "json" || FlatJson::read(line.substr(0, line.size() - 1)));
      }
    }
  }
}

// ---- secrets ----

TEST(AccessLog, MasksSecretHeadersAndCookies) {
  Sample s;
  s.x.request.headers.add(HeaderId::authorization, "Bearer hunter2");
  s.x.request.headers.add(HeaderId::cookie, "a=1; session=hunter2");
  s.x.request.headers.add("X-API-Key", "hunter2");
  s.x.response.headers.add(HeaderId::set_cookie, "session=hunter2");
  EXPECT_EQ(
      line_of("{>authorization} {>Cookie} {~session} {~a} {~b} {<set-cookie} {>x-api-key}", s.x),
      "*** *** *** *** - *** ***\n");
}

TEST(AccessLog, MasksSecretQueryParameters) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"/a?token=hunter2", "/a?token=***"},
      {"/a?x=1&Access_Token=hunter2&y=2", "/a?x=1&Access_Token=***&y=2"},
      {"/a?password=hunter2&password=hunter2", "/a?password=***&password=***"},
      {"/a?token", "/a?token"},
      {"/a?tokens=3&page=2", "/a?tokens=3&page=2"},
      {"/a?", "/a?"},
      {"/a?&&token=hunter2", "/a?&&token=***"},
      {"/token=hunter2", "/token=hunter2"},  // a path is what it is
      {"/a?token=hunter2=hunter2", "/a?token=***"},
  };
  for (const auto& [target, shown] : cases) {
    Sample s;
    s.x.uri.target = target;
    s.x.uri.query = target.substr(std::min(target.find('?'), target.size() - 1) + 1);
    s.x.request.headers.set(HeaderId::referer, target);
    const std::string wanted = std::string(shown) + " " + std::string(shown) + "\n";
    EXPECT_EQ(line_of("{uri} {referer}", s.x), wanted);
    if (target[1] == 'a' && !s.x.uri.query.empty()) {
      EXPECT_EQ(line_of("/a?{query}", s.x), std::string(shown) + "\n");
    }
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

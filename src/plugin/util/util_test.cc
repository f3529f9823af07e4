#include <set>

#include "http/accept.h"
#include "plugin/process_report.h"
#include "plugin/test_plugin.h"
#include "plugin/util/kinds.h"

namespace pingap::plugin {
namespace {

std::string id_of(const Made& made, Asked::Headers headers = {}) {
  Asked asked("/", std::move(headers));
  EXPECT_EQ(asked.ask(*made), Verdict::next);
  asked.respond(*made);
  EXPECT_EQ(asked.got("x-request-id"), std::string(asked.x.request_id));
  EXPECT_EQ(asked.sent("x-request-id"), std::string(asked.x.request_id));
  return std::string(asked.x.request_id);
}

// RFC 9562 5.7
TEST(RequestId, IsAUuidThatBeginsWithTheTime) {
  const Made made(kRequestId, "");
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = id_of(made);
    ASSERT_EQ(id.size(), 36u);
    ASSERT_EQ(id[14], '7') << id;
    ASSERT_NE(std::string("89ab").find(id[19]), std::string::npos) << id;
    // 1,800,000,000,000 ms
    ASSERT_EQ(id.substr(0, 13), "01a3185c-5000") << id;
    ASSERT_TRUE(seen.insert(id).second);
  }
}

TEST(RequestId, MayBeANanoid) {
  const Made made(kRequestId, "algorithm = \"nanoid\"\nsize = 12");
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = id_of(made);
    ASSERT_EQ(id.size(), 12u);
    ASSERT_TRUE(seen.insert(id).second);
  }
}

TEST(RequestId, KeepsOneThatIsWellFormed) {
  const Made made(kRequestId, "");
  EXPECT_EQ(id_of(made, {{"X-Request-ID", "abc-1:2"}}), "abc-1:2");
  EXPECT_NE(id_of(made, {{"X-Request-ID", "a b"}}), "a b");
  EXPECT_NE(id_of(made, {{"X-Request-ID", std::string(129, 'a')}}), std::string(129, 'a'));
  Asked twice("/", {{"X-Request-ID", "abc"}, {"X_Request_ID", "evil"}, {"X-Request-ID", "second"}});
  EXPECT_EQ(twice.ask(*made), Verdict::next);
  size_t left = 0;
  for (const http::Field& field : twice.x.request.headers.fields()) {
    if (!field.removed()) {
      EXPECT_EQ(field.name(), "X-Request-ID");
      EXPECT_EQ(field.value(), "abc");
      ++left;
    }
  }
  EXPECT_EQ(left, 1u);
  const Made replace(kRequestId, "accept_incoming = false");
  EXPECT_NE(id_of(replace, {{"X-Request-ID", "abc"}}), "abc");
}

TEST(Mock, AnswersWhatItIsToldTo) {
  const Made made(kMock, R"(path = "/a"
status = 201
headers = ["X-A: $query"]
body = """one
two $query
""")");
  Asked asked("/a?q");
  EXPECT_EQ(asked.ask(*made), Verdict::respond);
  EXPECT_EQ(asked.answer.status, 201);
  EXPECT_EQ(asked.answered("x-a"), "q");
  EXPECT_EQ(asked.body(), "one\ntwo q\n");
  Asked other("/b");
  EXPECT_EQ(other.ask(*made), Verdict::next);
}

TEST(Ping, AnswersAtItsPath) {
  const Made made(kPing, "");
  Asked asked("/ping");
  EXPECT_EQ(asked.ask(*made), Verdict::respond);
  EXPECT_EQ(asked.body(), "pong");
  Asked other("/");
  EXPECT_EQ(other.ask(*made), Verdict::next);
}

TEST(Paths, AreReadInTheFormThatRequestsHave) {
  for (const Kind* kind : {&kPing, &kStats, &kMock, &kMetrics}) {
    for (const char* wrong : {"x", "/a b", "/c;d", "/../a", "/a?b", "/a//b", ""}) {
      const Made made(*kind, "path = \"" + std::string(wrong) + "\"");
      EXPECT_NE(made.errors().find("t:3:8: error: "), std::string::npos) << kind->type << wrong;
    }
  }
  for (const char* same : {"/%61", "//a", "/b/../a"}) {
    const Made made(kPing, "path = \"" + std::string(same) + "\"");
    Asked asked("/a");
    EXPECT_EQ(asked.ask(*made), Verdict::respond) << same;
  }
}

TEST(AcceptEncoding, LeavesWhatIsOfUseInOneOrder) {
  const auto left = [](const std::string& options, Asked::Headers headers) {
    const Made made(kAcceptEncoding, options);
    Asked asked("/", std::move(headers));
    EXPECT_EQ(asked.ask(*made), Verdict::next);
    return asked.sent("accept-encoding");
  };
  EXPECT_EQ(left("", {{"Accept-Encoding", "gzip, deflate, br, zstd"}}), "zstd, br, gzip");
  EXPECT_EQ(left("", {{"Accept-Encoding", "gzip;q=0, br;q=0.001"}}), "br;q=0.001");
  EXPECT_EQ(left("", {{"Accept-Encoding", "br;q=0.1, gzip;q=1.0, *;q=0.250"}}),
            "zstd;q=0.25, br;q=0.1, gzip");
  EXPECT_EQ(left("only_one_encoding = true", {{"Accept-Encoding", "br;q=0.1, gzip"}}), "gzip");
  EXPECT_EQ(left("only_one_encoding = true", {{"Accept-Encoding", "gzip;q=0.2, br;q=0.2"}}), "br");
  EXPECT_EQ(left("", {{"Accept-Encoding", "identity"}}), "");
  EXPECT_EQ(left("only_one_encoding = true", {{"Accept-Encoding", "*"}}), "zstd");
  EXPECT_EQ(left("encodings = \"gzip,br\"", {{"Accept-Encoding", "br, gzip"}}), "gzip, br");
  EXPECT_EQ(left("encodings = [\"gzip\", \"br\"]", {{"Accept-Encoding", "br"}}), "br");
}

// RFC 9110 12.4.2
TEST(Weight, IsReadStrictly) {
  for (const auto& [text, weight] :
       {std::pair{"0", 0}, {"1", 1000}, {"0.5", 500}, {"0.001", 1}, {"1.000", 1000}, {"0.", 0}}) {
    EXPECT_EQ(http::parse_weight(text), weight) << text;
  }
  for (const char* bad : {"", "2", "1.001", "0.0001", "-1", "0,5", ".5", "a", "0.a"}) {
    EXPECT_EQ(http::parse_weight(bad), -1) << bad;
  }
}

TEST(Stats, AreJsonAtOnePath) {
  class Reporter final : public ProcessReporter {
   public:
    ProcessReport report() const noexcept override {
      return {.requests = 7, .server_errors = 1, .uptime = 60, .connections = 2, .workers = 4};
    }

    void metrics(std::string_view /*accept*/, Done /*done*/) override {}
  };

  const Made made(kStats, "path = \"/s\"");
  Asked other("/stats");
  EXPECT_EQ(other.ask(*made), Verdict::next);
  Reporter reporter;
  set_process_reporter(&reporter);
  Asked asked("/s?x");
  EXPECT_EQ(asked.ask(*made), Verdict::respond);
  set_process_reporter(nullptr);
  const std::string text = asked.body();
  EXPECT_TRUE(text.starts_with("{\"version\":\"")) << text;
  EXPECT_NE(text.find("\"uptime_seconds\":60,\"workers\":4,\"connections\":2,\"requests\":7,"
                      "\"server_errors\":1,\"tls_handshakes\":0,\"memory_bytes\":"),
            std::string::npos)
      << text;
  EXPECT_EQ(asked.answered("cache-control"), "no-store");
  Asked nobody("/s");
  EXPECT_EQ(nobody.ask(*made), Verdict::respond);
}

TEST(Metrics, AreAskedForAtOnePath) {
  class Reporter final : public ProcessReporter {
   public:
    ProcessReport report() const noexcept override { return {}; }

    void metrics(std::string_view accept, Done /*done*/) override { asked = accept; }

    std::string asked;
  };

  const Made made(kMetrics, "path = \"/m\"");
  Asked other("/metrics");
  EXPECT_EQ(other.ask(*made), Verdict::next);
  Asked nobody("/m");
  EXPECT_EQ(nobody.ask(*made), Verdict::respond);
  EXPECT_EQ(nobody.answer.status, 503);
  Reporter reporter;
  set_process_reporter(&reporter);
  Asked asked("/m?x", {{"Accept", "text/plain"}});
  EXPECT_EQ(asked.ask(*made), Verdict::suspend);
  EXPECT_EQ(reporter.asked, "text/plain");
  set_process_reporter(nullptr);
  // What comes later is answered with.
  Context it = asked.context();
  *static_cast<MetricsReport*>(it.state) = {std::make_shared<const std::string>("a 1\n"),
                                            "text/plain"};
  EXPECT_EQ((*made).on_resume(it), Verdict::respond);
  EXPECT_EQ(asked.body(), "a 1\n");
  EXPECT_EQ(asked.answered("content-type"), "text/plain");
  EXPECT_TRUE(Made(kMetrics, "x = 1").failed());
}

TEST(ServerTiming, IsMeasuredFromTheRequestOn) {
  const Made made(kServerTiming, "");
  Asked asked;
  EXPECT_EQ(asked.ask(*made), Verdict::next);
  EXPECT_TRUE(asked.measures);
  asked.respond(*made);
  EXPECT_EQ(asked.got("server-timing"), "p;dur=1.000");
  EXPECT_TRUE(Made(kServerTiming, "x = 1").failed());
}

}  // namespace
}  // namespace pingap::plugin

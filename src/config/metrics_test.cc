// [metrics].
#include <gtest/gtest.h>

#include "config/lint.h"
#include "config/loader_fixture.h"

namespace pingap::config {
namespace {

using fixture::complete;
using fixture::load_text;
using fixture::messages;

const std::string kRest = complete({});

TEST(Metrics, AreOffWithoutTheSection) {
  const auto [model, diagnostics] = load_text(kRest);
  EXPECT_FALSE(model.metrics.on());
}

TEST(Metrics, AreOnWithAnEmptySection) {
  const auto [model, diagnostics] = load_text(kRest + "[metrics]\n");
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.render();
  EXPECT_TRUE(model.metrics.on());
  EXPECT_EQ(model.metrics.addr.value, "127.0.0.1:9090");
  EXPECT_EQ(model.metrics.path, "/metrics");
  EXPECT_FALSE(model.metrics.guarded());
}

TEST(Metrics, CanBeSwitchedOff) {
  const auto [model, diagnostics] = load_text(kRest + "[metrics]\nenabled = false\n");
  EXPECT_FALSE(model.metrics.on());
}

TEST(Metrics, AreReadWhole) {
  const auto [model, diagnostics] =
      load_text(kRest +
                "[metrics]\naddr = \"0.0.0.0\"\npath = \"/m/x\"\nuser = \"u\"\npassword = "
                "\"p\"\ntoken = \"t\"\n");
  EXPECT_EQ(messages(diagnostics), "");
  EXPECT_EQ(model.metrics.addr.value, "0.0.0.0:80");
  EXPECT_EQ(model.metrics.path, "/m/x");
  EXPECT_EQ(model.metrics.user.value, "u");
  EXPECT_EQ(model.metrics.password, "p");
  EXPECT_EQ(model.metrics.token, "t");
}

TEST(Metrics, HaveACertificate) {
  const auto [model, diagnostics] =
      load_text(kRest + "[metrics]\ntls_cert = \"/c.pem\"\ntls_key = \"/k.pem\"\n" +
                "tls_key_password = \"p\"\ntls_key_readable = true\n");
  EXPECT_EQ(messages(diagnostics), "");
  EXPECT_TRUE(model.metrics.tls.on());
  EXPECT_FALSE(model.metrics.tls.h2);
  EXPECT_EQ(model.metrics.tls.pair.cert.value, "/c.pem");
  EXPECT_EQ(model.metrics.tls.pair.key.value, "/k.pem");
  EXPECT_EQ(model.metrics.tls.pair.password, "p");
  EXPECT_TRUE(model.metrics.tls.pair.key_readable);
}

TEST(Metrics, GoToACollector) {
  struct Case {
    const char* keys;
    const char* url;
    bool grpc;
  };

  const Case cases[] = {
      {"otlp_endpoint = \"a.test\"",
       "http://a.test:4317/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", true},
      {"otlp_endpoint = \"http://a.test:4318\"", "http://a.test:4318/v1/metrics", false},
      {"otlp_endpoint = \"https://a.test/x\"", "https://a.test:443/x", false},
      {"otlp_endpoint = \"a.test\"\notlp_protocol = \"http/protobuf\"",
       "http://a.test:4318/v1/metrics", false},
  };
  for (const Case& one : cases) {
    const auto [model, diagnostics] = load_text(kRest + "[metrics]\n" + one.keys + "\n");
    EXPECT_EQ(messages(diagnostics), "");
    EXPECT_EQ(model.metrics.push.url, one.url);
    EXPECT_EQ(model.metrics.push.grpc, one.grpc);
  }
}

TEST(Metrics, DoNotShowTheHeadersForTheCollector) {
  const auto [model, diagnostics] = load_text(
      kRest + "[metrics]\notlp_endpoint = \"a.test\"\notlp_headers = [\"X-Key: hidden\", " +
      "\"X-Other\"]\n");
  EXPECT_TRUE(diagnostics.has_errors());
  EXPECT_EQ(diagnostics.render().find("hidden"), std::string::npos) << diagnostics.render();
}

TEST(Metrics, AreRefusedWithMistakes) {
  const std::string line = std::to_string(std::ranges::count(kRest, '\n') + 2);
  const std::pair<const char*, std::string> cases[] = {
      {"path = \"m\"",
       ":8: error: `m` cannot be the path of the metrics; it starts with / and has letters, digits "
       "and -._~/ only; /healthz, /readyz and /state are taken"},
      {"path = \"/readyz\"",
       ":8: error: `/readyz` cannot be the path of the metrics; it starts with / and has letters, "
       "digits and -._~/ only; /healthz, /readyz and /state are taken"},
      {"user = \"a\"", ":8: error: `user` and `password` of [metrics] need each other"},
      {"tls_cert = \"/c.pem\"", ":12: error: `tls_cert` needs `tls_key`"},
      {"addr = \"127.0.0.1:2\"", ":8: error: `127.0.0.1:2` is listened on twice; first at t:10:8"},
      {"addr = \"10.1.1.1:9\"",
       ":8: warning: the metrics can be read by everybody who reaches them; set `user` and "
       "`password`, or `token`"},
  };
  for (const auto& [key, message] : cases) {
    const auto [model, diagnostics] = load_text(kRest + "[metrics]\n" + key + "\n");
    EXPECT_EQ(messages(diagnostics), "t:" + line + message + "\n");
  }
}

// Secrets are in no message.
TEST(Metrics, DoNotShowTheirPassword) {
  const auto [model, diagnostics] = load_text(kRest + "[metrics]\npassword = \"hidden\"\n");
  EXPECT_TRUE(diagnostics.has_errors());
  EXPECT_EQ(diagnostics.render().find("hidden"), std::string::npos) << diagnostics.render();
}

}  // namespace
}  // namespace pingap::config

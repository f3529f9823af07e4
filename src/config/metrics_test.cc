// [metrics].
#include <gtest/gtest.h>

#include "config/lint.h"
#include "config/loader_fixture.h"

namespace pingap::config {
namespace {

using fixture::complete;
using fixture::load_text;
using fixture::load_with;
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
    EXPECT_EQ(model.metrics.collector.url, one.url);
    EXPECT_EQ(model.metrics.collector.grpc, one.grpc);
  }
}

TEST(Metrics, GoToItAsTheKeysSay) {
  const auto [model, diagnostics] =
      load_text(kRest + "[metrics]\notlp_endpoint = 'https://a.test'\notlp_headers = ['A: b']\n" +
                "otlp_interval = '5s'\notlp_compression = 'gzip'\notlp_timeout = '3s'\n" +
                "otlp_tls_ca = '/a'\notlp_tls_cert = '/c'\notlp_tls_key = '/k'\n" +
                "otlp_tls_verify = false\n");
  EXPECT_EQ(messages(diagnostics), "");
  const Collector& collector = model.metrics.collector;
  EXPECT_EQ(collector.headers, (Collector::Pairs{{"A", "b"}}));
  EXPECT_EQ(model.metrics.otlp_interval.count(), 5000);
  EXPECT_TRUE(collector.gzip);
  EXPECT_EQ(collector.timeout.count(), 3000);
  EXPECT_EQ(collector.ca.value, "/a");
  EXPECT_EQ(collector.cert.value, "/c");
  EXPECT_EQ(collector.key.value, "/k");
  EXPECT_FALSE(collector.verify);
}

TEST(Metrics, ArePushedAsTheKeysSay) {
  const auto [model, diagnostics] =
      load_text(kRest + "[metrics]\npush_url = 'https://a.test/x'\npush_interval = '5s'\n" +
                "push_user = 'u'\npush_password = 'p'\npush_tls_ca = '/a'\n");
  EXPECT_EQ(messages(diagnostics), "");
  const PushGateway& gateway = model.metrics.gateway;
  EXPECT_EQ(gateway.url.value, "https://a.test/x");
  EXPECT_EQ(gateway.interval.count(), 5000);
  EXPECT_EQ(gateway.user.value, "u");
  EXPECT_EQ(gateway.password, "p");
  EXPECT_EQ(gateway.ca.value, "/a");
}

TEST(Metrics, GoToItAsTheEnvironmentSays) {
  const auto [model, diagnostics] =
      load_with({{"OTEL_EXPORTER_OTLP_ENDPOINT", "https://otel.test:4318/base/"},
                 {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://no.test"},
                 {"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/protobuf"},
                 {"OTEL_EXPORTER_OTLP_HEADERS", "a=b"},
                 {"OTEL_EXPORTER_OTLP_METRICS_HEADERS", "c=d"},
                 {"OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "gzip"},
                 {"OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "100"},
                 {"OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE", "/a"},
                 {"OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE", "/c"},
                 {"OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY", "/k"},
                 {"OTEL_METRIC_EXPORT_INTERVAL", "700"},
                 {"OTEL_SERVICE_NAME", "edge"}},
                kRest + "[metrics]\notlp_timeout = '2s'\n");
  EXPECT_EQ(messages(diagnostics), "");
  const Collector& collector = model.metrics.collector;
  EXPECT_EQ(collector.url, "https://otel.test:4318/base/v1/metrics");
  EXPECT_EQ(collector.headers, (Collector::Pairs{{"c", "d"}}));
  EXPECT_TRUE(collector.gzip);
  EXPECT_EQ(collector.timeout.count(), 2000) << "what is written goes before";
  EXPECT_EQ(collector.ca.value, "/a");
  EXPECT_EQ(collector.cert.value, "/c");
  EXPECT_EQ(collector.key.value, "/k");
  EXPECT_EQ(model.metrics.otlp_interval.count(), 700);
  EXPECT_EQ(model.tracing.service_name, "edge") << "also without [tracing]";
  EXPECT_FALSE(model.tracing.on());
}

TEST(Metrics, StayWhereTheyAreUnlessToldOtherwise) {
  const std::map<std::string, std::string> endpoint = {
      {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://otel.test:4318/own"}};
  const auto url = [](std::map<std::string, std::string> variables, const std::string& rest) {
    return fixture::load_with(std::move(variables), kRest + rest).model.metrics.collector.url;
  };
  EXPECT_EQ(url(endpoint, "[metrics]\n"), "http://otel.test:4318/own");
  EXPECT_EQ(url(endpoint, ""), "") << "they need the section";
  EXPECT_EQ(url(endpoint, "[metrics]\notlp_endpoint = ''\n"), "");
  for (const auto& off :
       {std::pair{"OTEL_SDK_DISABLED", "true"}, std::pair{"OTEL_METRICS_EXPORTER", "prometheus"}}) {
    auto variables = endpoint;
    variables.emplace(off);
    EXPECT_EQ(url(variables, "[metrics]\n"), "") << off.first;
  }
  EXPECT_TRUE(url({{"OTEL_METRICS_EXPORTER", "prometheus,otlp"}}, "[metrics]\n")
                  .starts_with("http://localhost:4317/"));
}

// Those that are not sent are not held up by variables that are not meant for them.
TEST(Metrics, RefuseVariablesWhereTheyMatter) {
  const std::map<std::string, std::string> wrong = {
      {"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/json"}};
  EXPECT_EQ(messages(load_with(wrong, kRest + "[metrics]\n").diagnostics), "");
  const std::string said =
      messages(load_with(wrong, kRest + "[metrics]\notlp_endpoint = 'a.test'\n").diagnostics);
  EXPECT_NE(said.find("`OTEL_EXPORTER_OTLP_METRICS_PROTOCOL` cannot be used; grpc or"),
            std::string::npos)
      << said;
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

TEST(Metrics, CheckTheKeysOfTheCollectorTogether) {
  const std::pair<const char*, const char*> cases[] = {
      {"https://a.test'\notlp_tls_key = '/k",
       "`otlp_tls_cert` and `otlp_tls_key` of [metrics] need"},
      {"a.test'\notlp_tls_ca = '/k", "warning: the metrics go in the clear: otlp_tls_... has no"},
      {"a.test/x'\notlp_protocol = 'grpc", "remove it, or set otlp_protocol = \"http/protobuf\""},
  };
  for (const auto& [keys, part] : cases) {
    const std::string said =
        messages(load_text(kRest + "[metrics]\notlp_endpoint = '" + keys + "'\n").diagnostics);
    EXPECT_NE(said.find(part), std::string::npos) << said;
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

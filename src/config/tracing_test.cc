// [tracing] and the OTEL_... variables.
#include <map>

#include <gtest/gtest.h>

#include "config/loader_fixture.h"

namespace pingap::config {
namespace {

using fixture::complete;
using fixture::load_text;
using fixture::messages;

const std::string kRest = complete({});

fixture::Loaded load_with(std::map<std::string, std::string> variables,
                          const std::string& keys = {}) {
  return fixture::load_with(std::move(variables), kRest + "[tracing]\n" + keys);
}

std::string refusal(const std::string& key) {
  return messages(load_text(kRest + "[tracing]\n" + key).diagnostics);
}

TEST(Tracing, IsOffWithoutTheSection) {
  EXPECT_FALSE(load_text(kRest).model.tracing.on());
  EXPECT_FALSE(load_text(kRest + "[tracing]\nenabled = false\n").model.tracing.on());
}

TEST(Tracing, IsOnWithAnEmptySection) {
  const auto [model, diagnostics] = load_text(kRest + "[tracing]\n");
  EXPECT_EQ(messages(diagnostics), "");
  EXPECT_TRUE(model.tracing.on());
  EXPECT_TRUE(model.tracing.collector.grpc);
  EXPECT_EQ(model.tracing.collector.url,
            "http://localhost:4317/opentelemetry.proto.collector.trace.v1.TraceService/Export");
}

TEST(Tracing, KnowsEndpointsOfBothProtocols) {
  const std::string call = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
  for (const auto& [keys, url] : std::vector<std::pair<std::string, std::string>>{
           {"endpoint = 'otel.test'", "http://otel.test:4317" + call},
           {"endpoint = 'otel.test:4318'", "http://otel.test:4318/v1/traces"},
           {"endpoint = 'http://otel.test:4318/'", "http://otel.test:4318/v1/traces"},
           {"endpoint = 'http://otel.test:4318/own'", "http://otel.test:4318/own"},
           {"endpoint = 'https://otel.test'", "https://otel.test:443" + call},
           {"endpoint = 'https://otel.test/v1/traces'", "https://otel.test:443/v1/traces"},
           {"endpoint = '[::1]'", "http://[::1]:4317" + call},
           {"endpoint = 'otel.test'\nprotocol = 'http/protobuf'",
            "http://otel.test:4318/v1/traces"},
           {"endpoint = 'otel.test:4318'\nprotocol = 'grpc'", "http://otel.test:4318" + call},
       }) {
    const auto [model, diagnostics] = load_text(kRest + "[tracing]\n" + keys);
    EXPECT_EQ(messages(diagnostics), "") << keys;
    EXPECT_EQ(model.tracing.collector.url, url) << keys;
  }
}

TEST(Tracing, IsReadWhole) {
  const auto [model, diagnostics] = load_text(
      kRest +
      "[tracing]\nservice_name = 's'\nresource_attributes = { a = 'b' }\nheaders = ['X-A: b']\n"
      "sample_ratio = 0.25\nsample_per_second = 7\nsample_errors = true\nparent_based = false\n"
      "parents = 'trusted'\npropagators = ['b3']\ncompression = 'gzip'\ntimeout = '1s'\n"
      "queue_size = 200\nbatch_size = 10\nbatch_delay = '2s'\n");
  EXPECT_EQ(messages(diagnostics), "");
  const Tracing& tracing = model.tracing;
  EXPECT_EQ(tracing.service_name, "s");
  EXPECT_EQ(tracing.resource_attributes, (Collector::Pairs{{"a", "b"}}));
  EXPECT_EQ(tracing.collector.headers, (Collector::Pairs{{"X-A", "b"}}));
  EXPECT_EQ(tracing.sample_ratio, 0.25);
  EXPECT_EQ(tracing.sample_per_second, 7U);
  EXPECT_TRUE(tracing.sample_errors);
  EXPECT_FALSE(tracing.parent_based);
  EXPECT_EQ(tracing.parents, Tracing::Parents::trusted);
  EXPECT_TRUE(tracing.propagates("b3"));
  EXPECT_FALSE(tracing.propagates("tracecontext"));
  EXPECT_TRUE(tracing.collector.gzip);
  EXPECT_EQ(tracing.batch_size, 10U);
}

TEST(Tracing, RefusesWhatCannotBe) {
  EXPECT_EQ(refusal("sample_ratio = 1.5"),
            "t:14:16: error: `sample_ratio` is out of range; a number from 0 to 1; 0.01 is one of "
            "a hundred\n");
  EXPECT_NE(refusal("sample_ratio = nan"), "");
  EXPECT_NE(refusal("sample_ratio = -1"), "");
  EXPECT_NE(refusal("sample_ratio = 'all'"), "");
  EXPECT_EQ(refusal("propagators = ['b2']"),
            "t:14:16: error: unknown propagator `b2`; one of `tracecontext`, `baggage`, `b3`, "
            "`b3multi`; did you mean `b3`?\n");
  EXPECT_NE(refusal("endpoint = 'ftp://x'"), "");
  EXPECT_NE(refusal("endpoint = 'http://x:0'"), "");
  EXPECT_NE(refusal("endpoint = 'unix:/x'"), "");
  EXPECT_NE(refusal("endpoint = 'http://u:p@x'"), "");
  EXPECT_EQ(refusal("endpoint = 'http://x/y'\nprotocol = 'grpc'"),
            "t:14:12: error: an endpoint of gRPC has no path; \"https://otel.test:4317\"; remove "
            "it, or set protocol = \"http/protobuf\"\n");
  EXPECT_NE(refusal("headers = ['A b: c']"), "");
  EXPECT_NE(refusal("headers = ['A']"), "");
  EXPECT_NE(refusal("resource_attributes = ['a']"), "");
  EXPECT_NE(refusal("parents = 'some'"), "");
  EXPECT_NE(refusal("queue_size = 1"), "");
  EXPECT_NE(refusal("tls_cert = '/x'"), "");
  EXPECT_NE(refusal("tls_verify = false"), "");  // a warning: it has no effect
}

TEST(Tracing, TakesDefaultsFromTheEnvironment) {
  const auto [model, diagnostics] =
      load_with({{"OTEL_EXPORTER_OTLP_ENDPOINT", "https://otel.test:4318/base/"},
                 {"OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"},
                 {"OTEL_EXPORTER_OTLP_HEADERS", "a=b%20c, d=e"},
                 {"OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"},
                 {"OTEL_EXPORTER_OTLP_TIMEOUT", "99"},
                 {"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "100"},
                 {"OTEL_RESOURCE_ATTRIBUTES", "service.name=x,zone=z"},
                 {"OTEL_TRACES_SAMPLER", "traceidratio"},
                 {"OTEL_TRACES_SAMPLER_ARG", "0.5"},
                 {"OTEL_PROPAGATORS", "b3,baggage"},
                 {"OTEL_BSP_MAX_QUEUE_SIZE", "2048"}});
  EXPECT_EQ(messages(diagnostics), "");
  const Tracing& tracing = model.tracing;
  EXPECT_EQ(tracing.collector.url, "https://otel.test:4318/base/v1/traces");
  EXPECT_EQ(tracing.collector.headers, (Collector::Pairs{{"a", "b c"}, {"d", "e"}}));
  EXPECT_TRUE(tracing.collector.gzip);
  EXPECT_EQ(tracing.collector.timeout.count(), 100);
  EXPECT_EQ(tracing.service_name, "x");
  EXPECT_EQ(tracing.sample_ratio, 0.5);
  EXPECT_FALSE(tracing.parent_based);
  EXPECT_EQ(tracing.propagators, (std::vector<std::string>{"b3", "baggage"}));
  EXPECT_EQ(tracing.queue_size, 2048U);
}

TEST(Tracing, WhatIsWrittenGoesBeforeTheEnvironment) {
  const auto [model, diagnostics] = load_with({{"OTEL_SERVICE_NAME", "env"},
                                               {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://e:1"},
                                               {"OTEL_SDK_DISABLED", "true"}},
                                              "service_name = 'own'\nenabled = true\n"
                                              "endpoint = 'http://own:4318/x'\n");
  EXPECT_EQ(messages(diagnostics), "");
  EXPECT_EQ(model.tracing.service_name, "own");
  EXPECT_TRUE(model.tracing.on());
  EXPECT_EQ(model.tracing.collector.url, "http://own:4318/x");
}

TEST(Tracing, VariablesThatCannotBeUsedAreErrors) {
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
           {"OTEL_TRACES_SAMPLER", "sometimes"},
           {"OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"},
           {"OTEL_EXPORTER_OTLP_HEADERS", "secret"},
           {"OTEL_BSP_MAX_QUEUE_SIZE", "77"},
           {"OTEL_BSP_SCHEDULE_DELAY", "soon"},
           {"OTEL_PROPAGATORS", "jaeger"},
           {"OTEL_TRACES_EXPORTER", "zipkin"}}) {
    const std::string said = messages(load_with({{name, value}}).diagnostics);
    EXPECT_NE(said.find("`" + name + "` cannot be used"), std::string::npos) << said;
    EXPECT_EQ(said.find(value), std::string::npos) << said;
  }
  EXPECT_EQ(messages(load_with({{"OTEL_SERVICE_NAME", ""}}).diagnostics), "");
}

TEST(Tracing, IsOffWhereTheEnvironmentSaysSo) {
  EXPECT_FALSE(load_with({{"OTEL_SDK_DISABLED", "true"}}).model.tracing.on());
  EXPECT_FALSE(load_with({{"OTEL_TRACES_EXPORTER", "none"}}).model.tracing.on());
  EXPECT_TRUE(load_with({{"OTEL_TRACES_EXPORTER", "otlp"}}).model.tracing.on());
  const std::pair<const std::string, std::string> bad = {"OTEL_EXPORTER_OTLP_ENDPOINT", "http://"};
  EXPECT_NE(messages(load_with({bad}).diagnostics), "");
  EXPECT_EQ(messages(load_with({bad, {"OTEL_TRACES_EXPORTER", "none"}}).diagnostics), "")
      << "nobody is sent anything";
}

}  // namespace
}  // namespace pingap::config

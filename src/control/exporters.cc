#include "control/exporters.h"

#include <array>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "config/http_url.h"
#include "remote/metrics_senders.h"
#include "trace/tracer.h"

namespace pingap::control {
namespace {

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

// Tells processes of one service apart (semantic conventions, service.instance.id): the same for as
// long as this one runs.
const std::string& instance_id() {
  static const std::string id = [] {
    std::random_device random;
    const auto word = [&random] { return uint64_t{random()} << 32 | random(); };
    const uint64_t high = (word() & ~uint64_t{0xf000}) | 0x4000;  // version 4 (RFC 9562 5.4)
    const uint64_t low = word() >> 2 | uint64_t{1} << 63;
    return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, high >> 16 & 0xffff,
                       high & 0xffff, low >> 48, low & 0xffff'ffff'ffff);
  }();
  return id;
}

// What is configured goes before what we know.
trace::Attributes resource_of(const config::Tracing& settings) {
  trace::Attributes all = settings.resource_attributes;
  const auto add = [&all](std::string_view name, std::string value) {
    for (const auto& one : all) {
      if (one.first == name) {
        return;
      }
    }
    all.emplace_back(name, std::move(value));
  };
  std::erase_if(all, [](const auto& one) { return one.first == "service.name"; });
  add("service.name", settings.service_name);
  add("service.version", PINGAP_VERSION);
  add("service.instance.id", instance_id());
  add("host.name", host_name());
  add("telemetry.sdk.name", "pingap");
  add("telemetry.sdk.language", "cpp");
  add("telemetry.sdk.version", PINGAP_VERSION);
  return all;
}

std::vector<std::string> lines_of(const config::Collector::Pairs& headers) {
  std::vector<std::string> lines;
  lines.reserve(headers.size());
  for (const auto& [name, value] : headers) {
    lines.push_back(fmt::format("{}: {}", name, value));
  }
  return lines;
}

remote::OtlpTarget target_of(const config::Collector& from, const proxy::CollectorPems& pems) {
  return {from.url,      from.grpc,
          from.gzip,     lines_of(from.headers),
          from.timeout,  {pems.ca, pems.cert, pems.key, from.verify},
          PINGAP_VERSION};
}

std::shared_ptr<const remote::SpanTarget> target_of(const proxy::Tracing& from) {
  const config::Tracing& settings = from.settings;
  return std::make_shared<remote::SpanTarget>(
      remote::SpanTarget{target_of(settings.collector, from.pems), settings.batch_size,
                         settings.batch_delay, resource_of(settings)});
}

std::shared_ptr<const remote::MetricsTarget> target_of(const config::Model& model,
                                                       const proxy::Snapshot& snapshot) {
  const config::Metrics& metrics = model.metrics;
  if (!metrics.on() || metrics.collector.url.empty()) {
    return nullptr;
  }
  remote::OtlpTarget target = target_of(metrics.collector, snapshot.metrics_pems);
  auto made = std::make_shared<remote::MetricsTarget>();
  made->url = target.url;
  made->interval = metrics.otlp_interval;
  made->timeout = target.timeout;
  made->make_sender = [target = std::move(target), resource = resource_of(model.tracing)] {
    return std::make_unique<remote::CollectorSender>(target, resource);
  };
  return made;
}

// Several that push to one group would take turns in it: each host has its own.
std::string group_url(std::string_view url) {
  constexpr std::string_view kHostName = "$HOSTNAME";
  std::string made(url);
  if (const std::string_view path = config::split_http_url(url).path; path.empty() || path == "/") {
    made.resize(made.size() - path.size());
    made += "/metrics/job/pingap/instance/$HOSTNAME";
  }
  const std::string name = host_name();
  for (size_t at = made.find(kHostName); at != std::string::npos; at = made.find(kHostName, at)) {
    made.replace(at, kHostName.size(), name);
    at += name.size();
  }
  return made;
}

std::shared_ptr<const remote::MetricsTarget> gateway_of(const config::Metrics& metrics,
                                                        const std::string& ca) {
  const config::PushGateway& gateway = metrics.gateway;
  if (!metrics.on() || gateway.url.value.empty()) {
    return nullptr;
  }
  remote::GatewayTarget target{group_url(gateway.url.value), gateway.user.value, gateway.password,
                               remote::ClientTls{ca, {}, {}, true}, PINGAP_VERSION};
  auto made = std::make_shared<remote::MetricsTarget>();
  made->url = target.url;
  made->interval = gateway.interval;
  made->make_sender = [target = std::move(target)] {
    return std::make_unique<remote::GatewaySender>(target);
  };
  return made;
}

std::string otlp_of(const SideService* side) {
  return side == nullptr ? std::string() : side->otlp_metrics();
}

std::string text_of(const SideService* side) {
  return side == nullptr ? std::string() : side->metrics(observe::Form::text);
}

// They are gathered where everything else is done about them: on the control thread.
remote::MetricsExporter::Collect collect_by(net::EventLoop& loop, const SideService* side,
                                            std::string (*numbers)(const SideService*)) {
  return [&loop, side, numbers](remote::MetricsExporter::Done done) {
    loop.post([side, numbers, done = std::move(done)] { done(numbers(side)); });
  };
}

}  // namespace

Exporters::Exporters(net::EventLoop& loop, const SideService* side)
    : side_(side),
      metrics_("collector", collect_by(loop, side, otlp_of)),
      gateway_("gateway", collect_by(loop, side, text_of)) {
}

void Exporters::use(const Loaded& loaded) {
  const proxy::Snapshot& snapshot = *loaded.snapshot;
  if (snapshot.tracing == nullptr) {
    spans_.use(nullptr, nullptr);
  } else {
    spans_.use(target_of(*snapshot.tracing), snapshot.tracer->shared_rings());
  }
  metrics_.use(target_of(loaded.model, snapshot));
  gateway_.use(gateway_of(loaded.model.metrics, snapshot.gateway_ca));
}

void Exporters::finish() {
  metrics_.stop([this] { return otlp_of(side_); });
  gateway_.stop([this] { return text_of(side_); });
}

}  // namespace pingap::control

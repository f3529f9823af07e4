// Whom what is counted can be sent to: a collector of OpenTelemetry, a Pushgateway of Prometheus.
#pragma once

#include <string>

#include "remote/metrics_exporter.h"
#include "remote/otlp_client.h"
#include "trace/otlp.h"

namespace pingap::remote {

// Takes fields of a ScopeMetrics (admin/otlp_metrics.h).
class CollectorSender : public MetricsSender {
 public:
  CollectorSender(const OtlpTarget& target, const trace::Attributes& resource)
      : url_(target.url),
        room_(otlp_room(target)),
        origin_(trace::make_origin(resource, target.version)),
        client_(target) {}

  std::string send(const std::string& metrics, milliseconds longest,
                   const std::stop_token& stop) override;

 private:
  const std::string url_;
  const size_t room_;
  const trace::Origin origin_;
  OtlpClient client_;
};

struct GatewayTarget {
  std::string url;   // of a group: ".../metrics/job/NAME/instance/NAME"
  std::string user;  // with a password; empty = nobody
  std::string password;
  ClientTls tls;
  std::string version;  // ours
};

// Takes the text format of Prometheus. What there was of the group is replaced by it.
class GatewaySender : public MetricsSender {
 public:
  explicit GatewaySender(const GatewayTarget& target);

  std::string send(const std::string& metrics, milliseconds longest,
                   const std::stop_token& stop) override;

 private:
  HttpRequest request_;
  HttpClient client_;
};

}  // namespace pingap::remote

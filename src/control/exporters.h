// Who sends the spans and the metrics of the configuration in use to whom it names. Control thread.
#pragma once

#include "control/load.h"
#include "control/side_service.h"
#include "net/event_loop.h"
#include "remote/metrics_exporter.h"
#include "remote/span_exporter.h"

namespace pingap::control {

class Exporters {
 public:
  // Both outlive it; `loop` is that of this thread. `side` (may be null) tells what is counted.
  Exporters(net::EventLoop& loop, const SideService* side);

  // From now on as `loaded` says.
  void use(const Loaded& loaded);

  // The workers have ended: sends what is left of the numbers; spans when this is destroyed.
  void finish();

 private:
  const SideService* side_;
  remote::SpanExporter spans_;
  remote::MetricsExporter metrics_;  // to a collector
  remote::MetricsExporter gateway_;
};

}  // namespace pingap::control

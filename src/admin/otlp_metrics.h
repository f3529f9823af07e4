// Writes numbers as OTLP has them (opentelemetry/proto/metrics/v1/metrics.proto): a counter is a
// cumulative sum, a histogram has explicit bounds. Stands where an observe::Exposition does. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "observe/exposition.h"

namespace pingap::admin {

class OtlpMetrics {
 public:
  // Counted since `started`, as of `now`.
  OtlpMetrics(WallTime started, WallTime now);

  // As of observe::Exposition. A name loses its _total, and tells the unit: what reads this puts
  // both back where it has names of Prometheus.
  void begin(const observe::Family& family);
  void sample(std::string_view labels, uint64_t value);
  void sample(std::string_view labels, double value);
  void sample(std::string_view labels, observe::Label more, uint64_t value);
  void histogram(std::string_view labels, const observe::HistogramTotals& totals,
                 const observe::ExemplarSet* exemplars = nullptr);

  // Fields of a ScopeMetrics; nothing may be added afterwards.
  std::string finish();

 private:
  void add_number(std::string attributes, uint32_t field, uint64_t bits);
  void end();

  const uint64_t started_;  // nanoseconds since 1970
  const uint64_t now_;
  observe::Family family_{};
  std::string points_;  // of family_
  std::string out_;
};

}  // namespace pingap::admin

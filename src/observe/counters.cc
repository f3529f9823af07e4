#include "observe/counters.h"

#include <numeric>
#include <utility>

#include <fmt/core.h>

namespace pingap::observe {

std::string Totals::to_string() const {
  std::string text;
  if (handshakes + failed_handshakes > 0) {
    text = fmt::format("TLS handshakes {} ({} resumed, {} failed)", handshakes + failed_handshakes,
                       resumptions, failed_handshakes);
  }
  const uint64_t sum = std::accumulate(errors.begin(), errors.end(), uint64_t{0});
  if (sum == 0) {
    return text;
  }
  text += fmt::format("{}errors {} (", text.empty() ? "" : ", ", sum);
  const char* comma = "";
  for (size_t code = 0; code < errors.size(); ++code) {
    if (errors[code] > 0) {
      text += fmt::format("{}{} {}", std::exchange(comma, ", "),
                          pingap::to_string(static_cast<ErrorCode>(code)), errors[code]);
    }
  }
  return text + ')';
}

void Counters::add_to(Totals& totals) const noexcept {
  for (size_t code = 0; code < errors_.size(); ++code) {
    totals.errors[code] += errors_[code].get();
  }
  totals.answers += answers_.get();
  totals.server_errors += server_errors_.get();
  totals.handshakes += handshakes_.get();
  totals.resumptions += resumptions_.get();
  totals.failed_handshakes += failed_handshakes_.get();
}

}  // namespace pingap::observe

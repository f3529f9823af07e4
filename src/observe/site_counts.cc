#include "observe/site_counts.h"

#include <utility>

namespace pingap::observe {

void SiteCell::add_handshake(std::string_view version, bool resumed, Duration took) noexcept {
  handshake_time.add(took);
  size_t at = 0;
  while (at + 1 < kTlsVersions.size() && kTlsVersions[at] != version) {
    ++at;
  }
  handshakes[at].add();
  if (resumed) {
    resumptions.add();
  }
}

SiteCounts::SiteCounts(std::string name, uint32_t workers)
    : server(std::move(name)),
      cells(workers),
      rest(std::make_shared<RequestCounts>(server, std::string(kOther), workers)) {
}

SiteTotals SiteCounts::totals() const noexcept {
  SiteTotals sum;
  for (const SiteCell& cell : cells) {
    sum.ended += cell.ended.get();  // first: there are never more than have begun
    sum.begun += cell.begun.get();
    sum.connections += cell.connections.get();
    for (size_t i = 0; i < kTlsVersions.size(); ++i) {
      sum.handshakes[i] += cell.handshakes[i].get();
    }
    sum.resumptions += cell.resumptions.get();
    sum.failed_handshakes += cell.failed_handshakes.get();
    cell.handshake_time.add_to(sum.handshake_time);
    sum.glitches += cell.glitches.get();
  }
  return sum;
}

}  // namespace pingap::observe

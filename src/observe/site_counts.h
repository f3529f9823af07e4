// What is counted of a server of the configuration as a whole: each worker a cell of its own.
// Handed on from one configuration to the next.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "observe/count.h"
#include "observe/request_counts.h"

namespace pingap::observe {

// Versions of TLS, in the order of the counts.
inline constexpr std::array<std::string_view, 3> kTlsVersions = {"TLSv1.2", "TLSv1.3", "other"};

struct SiteTotals {
  uint64_t begun = 0;  // requests
  uint64_t ended = 0;
  uint64_t connections = 0;                                // accepted
  std::array<uint64_t, kTlsVersions.size()> handshakes{};  // that succeeded, by version
  uint64_t resumptions = 0;                                // of those
  uint64_t failed_handshakes = 0;
  HistogramTotals handshake_time;  // of those that succeeded
  uint64_t glitches = 0;           // of HTTP/2 connections that have ended
};

// The part of one worker.
struct alignas(64) SiteCell {
  Count begun;
  Count ended;
  Count connections;
  std::array<Count, kTlsVersions.size()> handshakes;
  Count resumptions;
  Count failed_handshakes;
  Histogram handshake_time;
  Count glitches;

  void add_handshake(std::string_view version, bool resumed, Duration took) noexcept;
};

struct SiteCounts {
  SiteCounts(std::string server, uint32_t workers);

  SiteTotals totals() const noexcept;

  std::string server;
  std::vector<SiteCell> cells;          // by worker
  std::shared_ptr<RequestCounts> rest;  // requests that no location took
};

}  // namespace pingap::observe

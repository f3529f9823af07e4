// How long requests waited for an upstream: each worker a cell of its own. As many as upstreams,
// and handed on from one configuration to the next.
#pragma once

#include "observe/histogram.h"
#include "observe/per_worker.h"

namespace pingap::observe {

struct UpstreamTotals {
  HistogramTotals queued;      // of requests that waited for a server with room
  HistogramTotals connect;     // of requests that needed a new connection, with its TLS
  HistogramTotals first_byte;  // from the request's head to the answer's
  HistogramTotals tries;       // each from its connect to its end
};

struct UpstreamCell {
  Histogram queued;
  Histogram connect;
  Histogram first_byte;
  Histogram tries;
};

class UpstreamCounts : public PerWorker<UpstreamCell> {
 public:
  using PerWorker::PerWorker;

  // Any thread.
  UpstreamTotals totals() const {
    UpstreamTotals sum;
    for_each([&](const UpstreamCell& cell) {
      cell.queued.add_to(sum.queued);
      cell.connect.add_to(sum.connect);
      cell.first_byte.add_to(sum.first_byte);
      cell.tries.add_to(sum.tries);
    });
    return sum;
  }
};

}  // namespace pingap::observe

// What happened between two moments, by location and by server of an upstream: the rows of
// `pingap top`, as text for a terminal and as JSON. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/top_counts.h"

namespace pingap::cli {

// A duration that so many of all stayed below.
struct Quantile {
  // What the buckets can say of it.
  enum class Bound : uint8_t { about, below, above };

  double seconds = 0;
  Bound bound = Bound::about;
};

// Of 0 < `part` < 1 of the observations, between the bounds of its bucket as if they lay there
// evenly, as Prometheus has it. None where there are none.
std::optional<Quantile> quantile(const Buckets& buckets, double part) noexcept;

enum class TopSort : uint8_t { requests, errors, slowest, name };

struct LocationRow {
  std::string server;
  std::string location;
  // Each second:
  double requests = 0;
  double client_errors = 0;
  double server_errors = 0;
  double broken = 0;
  double bytes_in = 0;
  double bytes_out = 0;
  std::optional<Quantile> p50;
  std::optional<Quantile> p99;
  double total = 0;  // requests since the start
};

struct BackendRow {
  std::string upstream;
  std::string server;
  BackendCounts now;
  // Each second:
  double tries = 0;
  double failed = 0;
  double server_errors = 0;
  double retries = 0;
};

struct TopView {
  ProcessCounts process;
  double uptime = 0;   // seconds
  double seconds = 0;  // that the rates are over
  double cpu = 0;      // cores
  LocationRow all;     // of all locations together
  std::vector<LocationRow> locations;
  std::vector<BackendRow> backends;
};

// From `before` to `now`, which is `seconds` later and at `wall`, in seconds since 1970. Counts
// that have become less are those of another process.
TopView compare(const Counts& before, const Counts& now, double seconds, double wall);

void sort_rows(TopView& view, TopSort by);

// So many rows and columns at most; 0 = all.
struct TopSize {
  size_t rows = 0;
  size_t columns = 0;
};

std::string to_text(const TopView& view, TopSize size);
std::string to_json(const TopView& view);

}  // namespace pingap::cli

// Where workers leave what is to be sent, and the exporter finds it: a ring of bytes for each
// worker, which only that one writes and only the exporter reads. Nobody waits for anybody: what
// finds no room is dropped and counted.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "trace/context.h"

namespace pingap::trace {

// Spans, since the start. Any thread.
struct SpanTotals {
  uint64_t sent = 0;        // and taken by the collector
  uint64_t queue_full = 0;  // dropped: the collector is too slow, or away
  uint64_t unsent = 0;      // dropped: all tries to send them have failed
  uint64_t rejected = 0;    // dropped by the collector
};

class SpanRing {
 public:
  // `records` requests of about kMeanRecord bytes.
  explicit SpanRing(size_t records);

  // The worker. Room for `size` bytes, a multiple of 8, and commit() of it; null: there is none,
  // and `spans` more are lost.
  char* prepare(size_t size, uint64_t spans) noexcept;

  // True: it is half full with this one, and was not before.
  bool commit() noexcept;

  // The exporter. The oldest record; null: there is none. pop() makes its room free.
  const char* front() noexcept;
  void pop() noexcept;

  // Any thread.
  uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

  // The worker. Random numbers for ids: nobody meets them twice, they are not secret.
  TraceId new_trace_id() noexcept;
  uint64_t new_span_id() noexcept;

 private:
  static constexpr size_t kMeanRecord = 512;

  uint32_t size_at(uint64_t position) const noexcept;

  // In lines of their own, written_ and read_: they have different writers.
  alignas(64) std::atomic<uint64_t> written_{0};  // bytes since the start; the worker
  const size_t capacity_;                         // a power of two
  const std::unique_ptr<char[]> bytes_;           // NOLINT(modernize-avoid-c-arrays): not zeroed
  uint64_t end_ = 0;                              // with what was prepared; the worker
  uint64_t seen_read_ = 0;                        // of read_, some time ago; the worker
  std::atomic<uint64_t> dropped_{0};              // spans; the worker
  std::array<uint64_t, 2> random_;                // the worker
  alignas(64) std::atomic<uint64_t> read_{0};     // bytes since the start; the exporter
};

// Those of all workers. Shared by snapshots and the exporter.
class SpanRings {
 public:
  // Room for `records` requests in all. `before`: what was counted until now.
  SpanRings(size_t workers, size_t records, const SpanTotals& before);

  SpanRing& of(uint32_t worker) noexcept { return *rings_[worker]; }

  const std::vector<std::unique_ptr<SpanRing>>& all() const noexcept { return rings_; }

  size_t records() const noexcept { return records_; }

  // Any thread: the exporter is to look now.
  void wake() noexcept;
  // The exporter: at most until `until`, or wake().
  void wait_until(std::chrono::steady_clock::time_point until) noexcept;

  SpanTotals totals() const noexcept;

  // The exporter adds to these.
  std::atomic<uint64_t> sent{0};
  std::atomic<uint64_t> unsent{0};
  std::atomic<uint64_t> rejected{0};

 private:
  const size_t records_;
  const uint64_t dropped_before_;
  std::vector<std::unique_ptr<SpanRing>> rings_;
  std::mutex mutex_;
  std::condition_variable condition_;
  bool woken_ = false;  // guarded by mutex_
};

}  // namespace pingap::trace

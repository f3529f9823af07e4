// What is counted of the requests of one location on one server, or of those of a server that no
// location took. Belongs to the configuration and is handed on to the next one, so that a reload
// loses nothing; each worker writes a cell of its own.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "observe/exemplar.h"
#include "observe/histogram.h"
#include "observe/per_worker.h"

namespace pingap::observe {

// The label of what belongs to no name of the configuration, or to one too many.
inline constexpr std::string_view kOther = "_other";

// Requests of one method that were answered with one status.
struct AnswerTotals {
  uint8_t method;   // a number of the caller's
  uint16_t status;  // 0 = any: a worker counts kAnswers combinations apart, and no more
  uint64_t count;
};

// How a request can have ended: numbers of the caller's (exchange/termination.h), below this.
inline constexpr size_t kEnds = 32;

// A sum over workers.
struct RequestTotals {
  std::vector<AnswerTotals> answers;  // each combination once
  std::array<uint64_t, kEnds> ends{};
  HistogramTotals duration;
  ExemplarSet exemplars;
  uint64_t request_bytes = 0;   // of bodies, from clients
  uint64_t response_bytes = 0;  // of bodies, to clients
};

// The part of one worker.
class alignas(64) RequestCell {
 public:
  // Combinations of a method and a status, a power of two. A backend that makes up statuses fills
  // no more than these.
  static constexpr size_t kAnswers = 64;

  struct Answer {
    uint8_t method;   // below 32
    uint16_t status;  // below 1024
    Duration took;
    uint64_t request_bytes;
    uint64_t response_bytes;
    uint8_t end;  // below kEnds
  };

  // Its worker.
  void add(const Answer& answer) noexcept {
    count_of(answer.method, answer.status).add();
    ends_[answer.end].add();
    duration_.add(answer.took);
    if (answer.request_bytes > 0) {
      request_bytes_.add(answer.request_bytes);
    }
    response_bytes_.add(answer.response_bytes);
  }

  // Where requests have ids: one that took so long.
  Exemplars& exemplars() noexcept {
    Exemplars* there = exemplars_.load(std::memory_order_relaxed);
    return there != nullptr ? *there : make_exemplars();
  }

  // Any thread.
  void add_to(RequestTotals& totals) const;

  RequestCell() = default;
  RequestCell(const RequestCell&) = delete;
  RequestCell& operator=(const RequestCell&) = delete;
  ~RequestCell();

 private:
  static constexpr uint16_t kUsed = 0x8000;
  // How far a combination may lie from its own place.
  static constexpr size_t kProbes = 8;

  static uint16_t key_of(uint8_t method, uint16_t status) noexcept {
    return static_cast<uint16_t>(kUsed | ((method & 31U) << 10) | (status & 1023U));
  }

  Count& count_of(uint8_t method, uint16_t status) noexcept;
  Exemplars& make_exemplars() noexcept;

  std::array<std::atomic<uint16_t>, kAnswers> keys_{};  // 0 = free
  std::array<Count, kAnswers> counts_;
  Count rest_;  // for which there was no place
  std::array<Count, kEnds> ends_;
  Histogram duration_;
  Count request_bytes_;
  Count response_bytes_;
  std::atomic<Exemplars*> exemplars_{nullptr};  // made by the first request with an id
};

inline Count& RequestCell::count_of(uint8_t method, uint16_t status) noexcept {
  const uint16_t key = key_of(method, status);
  const size_t place = status ^ (static_cast<size_t>(method) << 3);
  for (size_t i = 0; i < kProbes; ++i) {
    const size_t at = (place + i) % kAnswers;
    const uint16_t there = keys_[at].load(std::memory_order_relaxed);
    if (there == key) {
      return counts_[at];
    }
    if (there == 0) {
      keys_[at].store(key, std::memory_order_relaxed);
      return counts_[at];
    }
  }
  return rest_;
}

class RequestCounts {
 public:
  // Names are for labels.
  RequestCounts(std::string server, std::string location, uint32_t workers);
  RequestCounts(const RequestCounts&) = delete;
  RequestCounts& operator=(const RequestCounts&) = delete;

  const std::string& server() const noexcept { return server_; }

  const std::string& location() const noexcept { return location_; }

  // That of worker `index`, which calls.
  RequestCell& of(uint32_t index) noexcept { return cells_.of(index); }

  // Any thread.
  RequestTotals totals() const;

 private:
  const std::string server_;
  const std::string location_;
  PerWorker<RequestCell> cells_;
};

}  // namespace pingap::observe

// What a worker counts from its start: errors by reason, TLS handshakes. One writer and no lock:
// each worker has its own, and who wants to know adds them up.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "observe/count.h"

namespace pingap::observe {

// A sum over workers. Any thread.
struct Totals {
  // Requests, and connections before their first one, that ended with this reason; access logs
  // have a line for each.
  std::array<uint64_t, static_cast<size_t>(ErrorCode::count_)> errors{};
  uint64_t answers = 0;        // to requests
  uint64_t server_errors = 0;  // of them 5xx
  uint64_t handshakes = 0;     // of TLS that succeeded, resumed ones included
  uint64_t resumptions = 0;    // of TLS sessions
  uint64_t failed_handshakes = 0;

  // For people: "TLS handshakes 12 (3 resumed, 1 failed), errors 3 (h2_reset_flood 2, io 1)"; empty
  // when there was nothing.
  std::string to_string() const;
};

// A cache line that no other worker writes to.
class alignas(64) Counters {
 public:
  // The worker:
  void count_error(ErrorCode why) noexcept { errors_[static_cast<size_t>(why)].add(); }

  void count_answer(uint16_t status) noexcept {
    answers_.add();
    if (status >= 500) {
      server_errors_.add();
    }
  }

  void count_handshake(bool resumed) noexcept {
    handshakes_.add();
    if (resumed) {
      resumptions_.add();
    }
  }

  void count_failed_handshake() noexcept { failed_handshakes_.add(); }

  // Any thread; each number as of some moment of the call.
  void add_to(Totals& totals) const noexcept;

 private:
  std::array<Count, static_cast<size_t>(ErrorCode::count_)> errors_;
  Count answers_;
  Count server_errors_;
  Count handshakes_;
  Count resumptions_;
  Count failed_handshakes_;
};

}  // namespace pingap::observe

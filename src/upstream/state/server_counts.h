// What a worker counts of one server, from its start. One writer and no lock; who wants to know
// adds up those of all workers.
#pragma once

#include <array>
#include <cstdint>

#include "base/error.h"
#include "observe/count.h"
#include "observe/histogram.h"
#include "observe/on_demand.h"

namespace pingap::upstream {

// Why a connection to a server came to its end.
enum class Closed : uint8_t {
  idle,     // unused for too long
  by_peer,  // the server closed it while it was unused
  worn,     // old, or used often enough
  surplus,  // more were unused than are kept
  drained,  // the server has left, or we stop
  broken,   // in use, or not even made
  count_,
};

inline constexpr size_t kClosedReasons = static_cast<size_t>(Closed::count_);

struct ServerTotals {
  uint64_t requests = 0;                // tries
  uint64_t ended = 0;                   // of those, what is over
  uint64_t retries = 0;                 // of those, the repeated ones
  uint64_t failures = 0;                // bad answers
  uint64_t unreachable = 0;             // no answer
  uint64_t opened = 0;                  // connections
  uint64_t reused = 0;                  // requests on one that was there
  uint64_t idle = 0;                    // connections that no request uses
  uint64_t failed_handshakes = 0;       // of TLS
  observe::HistogramTotals handshakes;  // how long those took that succeeded
  std::array<uint64_t, kClosedReasons> closed{};
  std::array<uint64_t, 6> answers{};  // by the hundreds of their status; others: [0]
  // Tries that came to nothing, by what did it; 0 of those that nothing can be said of.
  std::array<uint64_t, static_cast<size_t>(ErrorCode::count_)> errors{};
};

class alignas(64) ServerCounts {
 public:
  enum Which : uint8_t {
    requests,
    ended,
    retries,
    failures,
    unreachable,
    opened,
    reused,
    failed_handshakes,
    count_
  };

  void add(Which which) noexcept { counts_[which].add(); }

  void add(Closed why) noexcept { closed_[static_cast<size_t>(why)].add(); }

  // A connection is not used any more, or is from now on.
  void add_idle(bool is) noexcept { idle_.add(is ? 1 : ~uint64_t{0}); }

  void add_answer(uint16_t status) noexcept { answers_[status < 600 ? status / 100 : 0].add(); }

  void add_handshake(Duration took) noexcept { handshakes_.get().add(took); }

  void add(ErrorCode why) noexcept { errors_.get()[static_cast<size_t>(why)].add(); }

  // Any thread.
  void add_to(ServerTotals& totals) const noexcept {
    totals.ended += counts_[ended].get();  // first: there are never more than have begun
    totals.requests += counts_[requests].get();
    totals.retries += counts_[retries].get();
    totals.failures += counts_[failures].get();
    totals.unreachable += counts_[unreachable].get();
    add(closed_, totals.closed);
    totals.opened += counts_[opened].get();
    totals.reused += counts_[reused].get();
    totals.idle += idle_.get();
    totals.failed_handshakes += counts_[failed_handshakes].get();
    add(answers_, totals.answers);
    if (const observe::Histogram* handshakes = handshakes_.look()) {
      handshakes->add_to(totals.handshakes);
    }
    if (const Errors* errors = errors_.look()) {
      add(*errors, totals.errors);
    }
  }

 private:
  using Count = observe::Count;
  using Errors = std::array<Count, static_cast<size_t>(ErrorCode::count_)>;

  template <size_t kSize>
  static void add(const std::array<Count, kSize>& from, std::array<uint64_t, kSize>& to) noexcept {
    for (size_t i = 0; i < kSize; ++i) {
      to[i] += from[i].get();
    }
  }

  std::array<Count, count_> counts_{};
  Count idle_;
  std::array<Count, kClosedReasons> closed_{};
  std::array<Count, 6> answers_{};
  observe::OnDemand<Errors> errors_;                  // of servers that fail
  observe::OnDemand<observe::Histogram> handshakes_;  // of servers with TLS
};

}  // namespace pingap::upstream

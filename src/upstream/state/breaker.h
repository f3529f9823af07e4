// Whether a server, or a whole upstream, is fit for requests, by how those before went: passive
// health and circuit breaker in one. Any thread; every change is one exchange of one word, so that
// workers never see half a change and never wait.
//
//   closed --failures in a row, or their share--> open --time--> half open --successes--> closed
//      ^                                           ^                |
//      |                                           +----failure-----+   (each time twice as long)
//      +--- everything goes            nothing goes ---+   a few at a time: probes
//
// A probe that never answers does not count for ever: half open has a time of its own, after which
// new probes go. What an attempt of an earlier state says late is ignored.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"

namespace pingap::upstream {

enum class Outcome : uint8_t {
  none,         // the client left, or nothing can be said
  success,      // the server has answered, and well
  failure,      // it has answered that it cannot
  unreachable,  // not even that, or not all of it: refused, reset, silent
  late,         // it had said nothing when another server answered in its place
};

// Limits of one breaker; outlive it. 0 = that detector is off.
struct BreakerSettings {
  uint32_t max_unreachable = 0;  // in a row, up to 100; being late counts a quarter
  uint32_t max_failures = 0;     // in a row, of both kinds
  uint32_t max_percent = 0;      // of failures of both kinds within the window
  uint32_t min_requests = 10;    // in the window before its share means something
  Duration window = std::chrono::seconds(60);
  Duration open_for = std::chrono::seconds(10);  // the first time
  Duration open_most = std::chrono::minutes(5);  // however often it opened in a row
  uint32_t successes = 1;                        // of probes, to close
  uint32_t probes = 1;                           // at a time

  bool on() const noexcept { return max_unreachable + max_failures + max_percent > 0; }
};

// What share of the latest requests failed: ten slots of time, each one word.
class OutcomeWindow {
 public:
  struct Sum {
    uint32_t requests;
    uint32_t failures;
  };

  void add(bool failed, TimePoint now, Duration window) noexcept;
  Sum sum(TimePoint now, Duration window) const noexcept;
  void clear() noexcept;

 private:
  static constexpr size_t kSlots = 10;

  std::array<std::atomic<uint64_t>, kSlots> slots_{};  // turn 24, requests 20, failures 20
};

class Breaker {
 public:
  enum class State : uint8_t { closed, open, half_open };
  enum class Trip : uint8_t { none, unreachable, failures, percent, probe };

  // What an attempt was let through by; it must be given back with report().
  class Permit {
   public:
    enum class Kind : uint8_t { normal, probe, anyway };

    Permit() = default;

    Permit(uint64_t era, Kind kind) noexcept : word_(era << 2 | static_cast<uint64_t>(kind)) {}

    uint64_t era() const noexcept { return word_ >> 2; }

    Kind kind() const noexcept { return static_cast<Kind>(word_ & 3); }

   private:
    uint64_t word_ = 0;
  };

  State state() const noexcept {
    return static_cast<State>(word_.load(std::memory_order_relaxed) & 3);
  }

  // Nothing has failed lately: a success would change nothing where nobody counts successes.
  bool calm() const noexcept {
    return (word_.load(std::memory_order_relaxed) & ((uint64_t{1} << kTimeShift) - 1)) == 0;
  }

  // A request may go: one look where all is well.
  bool takes(TimePoint now) const noexcept {
    const uint64_t word = word_.load(std::memory_order_relaxed);
    return (word & 3) == 0 || takes_probe(word, now);
  }

  // Lets a request through; nothing where it may not go (any more).
  std::optional<Permit> admit(const BreakerSettings& settings, TimePoint now) noexcept {
    const uint64_t word = word_.load(std::memory_order_relaxed);
    if ((word & 3) == 0) {
      return Permit{word >> kTimeShift, Permit::Kind::normal};
    }
    return admit_probe(word, settings, now);
  }

  // The same where too many servers are out to leave this one out.
  Permit admit_anyway() const noexcept;

  // Out, and only because it did not answer.
  bool unreachable() const noexcept {
    const Fields fields = unpack(word_.load(std::memory_order_relaxed));
    return fields.state != State::closed && fields.soft;
  }

  // How the attempt went. Tells what made it open, if this did.
  Trip report(const Permit& permit, Outcome outcome, const BreakerSettings& settings,
              TimePoint now) noexcept;

  // When the next request may go, as far as is known; in the past where one may go now.
  TimePoint next_chance() const noexcept;

  // As if nothing had ever failed: it was away, and a check of its own says that it is back.
  void reset(TimePoint now) noexcept;

  // A check of its own has passed, which is as good as a probe where it only did not answer: it
  // closes, once the time that it is open for is over. How often it opened in a row stays.
  void pass(TimePoint now) noexcept;

 private:
  // The fields of the word, from its low end: state 2, a 9, b 9, opened 4, soft 1, time 39 (ms).
  //   closed: a = unreachable in a row, in quarters, b = failures in a row, time = since when
  //   open: b = successes in a row of those that go anyway, time = until when
  //   half open: a = probes that may go, b = successes, time = when probes are given up
  // opened: how often in a row; soft: because it was unreachable. The time is what eras are told
  // apart by.
  struct Fields {
    State state;
    uint32_t a;
    uint32_t b;
    uint32_t opened;
    bool soft;
    uint64_t time;
  };

  static constexpr int kTimeShift = 25;

  std::optional<Permit> admit_probe(uint64_t word, const BreakerSettings& settings,
                                    TimePoint now) noexcept;
  static Fields unpack(uint64_t word) noexcept;
  static uint64_t pack(const Fields& fields) noexcept;
  static bool takes_probe(uint64_t word, TimePoint now) noexcept;
  static Fields reopened(const Fields& from, const BreakerSettings& settings,
                         TimePoint now) noexcept;

  bool change(uint64_t& expected, const Fields& to) noexcept {
    return word_.compare_exchange_weak(expected, pack(to), std::memory_order_acq_rel,
                                       std::memory_order_relaxed);
  }

  Trip why_to_open(const Fields& fields, const BreakerSettings& settings,
                   TimePoint now) const noexcept;
  Trip add_failure(Fields& fields, Outcome outcome, const BreakerSettings& settings,
                   TimePoint now) const noexcept;
  static void forget_failures(Fields& fields, const BreakerSettings& settings,
                              TimePoint now) noexcept;
  Trip report_closed(Outcome outcome, const BreakerSettings& settings, TimePoint now,
                     uint64_t era) noexcept;
  Trip report_probe(Outcome outcome, const BreakerSettings& settings, TimePoint now,
                    uint64_t era) noexcept;
  void report_anyway(Outcome outcome, const BreakerSettings& settings, TimePoint now) noexcept;

  std::atomic<uint64_t> word_{0};
  OutcomeWindow window_;
};

// For people.
std::string_view to_string(Breaker::Trip trip) noexcept;

// For people and metrics: "closed", "open", "half_open".
std::string_view to_string(Breaker::State state) noexcept;

}  // namespace pingap::upstream

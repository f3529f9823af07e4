#include "upstream/state/breaker.h"

#include <algorithm>

namespace pingap::upstream {
namespace {

constexpr uint32_t kMaxCount = 511;
constexpr uint32_t kWhole = 4;  // quarters
constexpr uint32_t kMaxOpened = 15;
constexpr uint64_t kTimeMask = (uint64_t{1} << 39) - 1;  // ms: 17 years of a running machine

uint64_t milliseconds_of(TimePoint at) noexcept {
  using std::chrono::milliseconds;
  return static_cast<uint64_t>(
             std::chrono::duration_cast<milliseconds>(at.time_since_epoch()).count()) &
         kTimeMask;
}

bool failed(Outcome outcome) noexcept {
  return outcome == Outcome::failure || outcome == Outcome::unreachable;
}

// ---- the word of a slot of the window: turn 24, requests 20, failures 20

constexpr uint64_t kCountMask = (uint64_t{1} << 20) - 1;

struct Slot {
  uint64_t turn;
  uint64_t requests;
  uint64_t failures;

  static Slot of(uint64_t word) noexcept {
    return {word >> 40, word >> 20 & kCountMask, word & kCountMask};
  }

  uint64_t word() const noexcept { return turn << 40 | requests << 20 | failures; }
};

uint64_t turn_of(TimePoint now, Duration window, size_t slots) noexcept {
  const Duration each = std::max<Duration>(window / slots, std::chrono::milliseconds(1));
  return static_cast<uint64_t>(now.time_since_epoch() / each) & ((uint64_t{1} << 24) - 1);
}

}  // namespace

// ---- OutcomeWindow

void OutcomeWindow::add(bool failure, TimePoint now, Duration window) noexcept {
  const uint64_t turn = turn_of(now, window, kSlots);
  std::atomic<uint64_t>& at = slots_[turn % kSlots];
  uint64_t word = at.load(std::memory_order_relaxed);
  Slot slot{};
  do {
    slot = Slot::of(word);
    if (slot.turn != turn) {
      slot = {turn, 0, 0};
    }
    if (slot.requests == kCountMask) {
      return;  // a million in a slot: the share is known
    }
    ++slot.requests;
    slot.failures += failure ? 1 : 0;
  } while (!at.compare_exchange_weak(word, slot.word(), std::memory_order_relaxed));
}

OutcomeWindow::Sum OutcomeWindow::sum(TimePoint now, Duration window) const noexcept {
  const uint64_t turn = turn_of(now, window, kSlots);
  Sum sum{0, 0};
  for (const std::atomic<uint64_t>& at : slots_) {
    const Slot slot = Slot::of(at.load(std::memory_order_relaxed));
    if (((turn - slot.turn) & ((uint64_t{1} << 24) - 1)) < kSlots) {
      sum.requests += static_cast<uint32_t>(slot.requests);
      sum.failures += static_cast<uint32_t>(slot.failures);
    }
  }
  return sum;
}

void OutcomeWindow::clear() noexcept {
  for (std::atomic<uint64_t>& at : slots_) {
    at.store(0, std::memory_order_relaxed);
  }
}

// ---- Breaker

Breaker::Fields Breaker::unpack(uint64_t word) noexcept {
  return {static_cast<State>(word & 3),
          static_cast<uint32_t>(word >> 2 & kMaxCount),
          static_cast<uint32_t>(word >> 11 & kMaxCount),
          static_cast<uint32_t>(word >> 20 & kMaxOpened),
          (word >> 24 & 1) != 0,
          word >> kTimeShift};
}

uint64_t Breaker::pack(const Fields& fields) noexcept {
  return static_cast<uint64_t>(fields.state) | uint64_t{fields.a} << 2 | uint64_t{fields.b} << 11 |
         uint64_t{fields.opened} << 20 | uint64_t{fields.soft ? 1U : 0U} << 24 |
         fields.time << kTimeShift;
}

bool Breaker::takes_probe(uint64_t word, TimePoint now) noexcept {
  const Fields fields = unpack(word);
  return milliseconds_of(now) >= fields.time || (fields.state == State::half_open && fields.a > 0);
}

std::optional<Breaker::Permit> Breaker::admit_probe(uint64_t word, const BreakerSettings& settings,
                                                    TimePoint now) noexcept {
  for (;;) {
    Fields fields = unpack(word);
    if (fields.state == State::closed) {
      return Permit{fields.time, Permit::Kind::normal};
    }
    const uint64_t at = milliseconds_of(now);
    if (at >= fields.time) {
      // Open long enough; or its probes have not come back: others go.
      fields.state = State::half_open;
      fields.a = settings.probes - 1;
      fields.b = 0;
      fields.time = at + std::max<uint64_t>(1, milliseconds_of(TimePoint(settings.open_for)));
    } else if (fields.state == State::half_open && fields.a > 0) {
      --fields.a;
    } else {
      return std::nullopt;
    }
    if (change(word, fields)) {
      return Permit{fields.time, Permit::Kind::probe};
    }
  }
}

Breaker::Permit Breaker::admit_anyway() const noexcept {
  const Fields fields = unpack(word_.load(std::memory_order_relaxed));
  return {fields.time, fields.state == State::closed ? Permit::Kind::normal : Permit::Kind::anyway};
}

Breaker::Trip Breaker::report(const Permit& permit, Outcome outcome,
                              const BreakerSettings& settings, TimePoint now) noexcept {
  switch (permit.kind()) {
    case Permit::Kind::normal:
      return outcome == Outcome::none ? Trip::none
                                      : report_closed(outcome, settings, now, permit.era());
    case Permit::Kind::probe:
      return report_probe(outcome, settings, now, permit.era());
    case Permit::Kind::anyway:
      report_anyway(outcome, settings, now);
      break;
  }
  return Trip::none;
}

Breaker::Trip Breaker::report_closed(Outcome outcome, const BreakerSettings& settings,
                                     TimePoint now, uint64_t era) noexcept {
  uint64_t word = word_.load(std::memory_order_relaxed);
  const bool counts = settings.max_percent > 0 && outcome != Outcome::late;
  for (bool counted = !counts;; counted = true) {
    Fields fields = unpack(word);
    if (fields.state != State::closed || fields.time != era) {
      return Trip::none;  // of an earlier era
    }
    if (!counted) {
      window_.add(failed(outcome), now, settings.window);
    }
    Trip trip = Trip::none;
    if (outcome != Outcome::success) {
      trip = add_failure(fields, outcome, settings, now);
    } else {
      forget_failures(fields, settings, now);
    }
    if (pack(fields) == word) {
      return Trip::none;  // as nearly always: nothing is written
    }
    if (change(word, fields)) {
      if (trip != Trip::none) {
        window_.clear();
      }
      return trip;
    }
  }
}

Breaker::Trip Breaker::add_failure(Fields& fields, Outcome outcome, const BreakerSettings& settings,
                                   TimePoint now) const noexcept {
  fields.b = std::min(fields.b + (failed(outcome) ? 1 : 0), kMaxCount);
  const uint32_t silent = outcome == Outcome::unreachable ? kWhole : 1;
  fields.a = outcome == Outcome::failure ? 0 : std::min(fields.a + silent, kMaxCount);
  const Trip trip = why_to_open(fields, settings, now);
  if (trip != Trip::none) {
    fields.soft = trip == Trip::unreachable;
    fields = reopened(fields, settings, now);
  }
  return trip;
}

void Breaker::forget_failures(Fields& fields, const BreakerSettings& settings,
                              TimePoint now) noexcept {
  fields.a = 0;
  fields.b = 0;
  // It was well for as long as it was out: the next time is a first one.
  if (milliseconds_of(now) - fields.time > milliseconds_of(TimePoint(settings.open_most))) {
    fields.opened = 0;
  }
}

Breaker::Trip Breaker::why_to_open(const Fields& fields, const BreakerSettings& settings,
                                   TimePoint now) const noexcept {
  if (settings.max_failures > 0 && fields.b >= settings.max_failures) {
    return Trip::failures;
  }
  if (settings.max_percent > 0) {
    const OutcomeWindow::Sum sum = window_.sum(now, settings.window);
    if (sum.requests >= settings.min_requests &&
        uint64_t{sum.failures} * 100 >= uint64_t{sum.requests} * settings.max_percent) {
      return Trip::percent;
    }
  }
  return settings.max_unreachable > 0 && fields.a >= settings.max_unreachable * kWhole
             ? Trip::unreachable
             : Trip::none;
}

Breaker::Fields Breaker::reopened(const Fields& from, const BreakerSettings& settings,
                                  TimePoint now) noexcept {
  const Duration most = std::max(settings.open_for, settings.open_most);
  Duration open_for = settings.open_for;
  for (uint32_t i = 0; i < from.opened && open_for < most; ++i) {
    open_for *= 2;
  }
  open_for = std::min(open_for, most);
  return {State::open, 0,
          0,           std::min(from.opened + 1, kMaxOpened),
          from.soft,   milliseconds_of(now + open_for)};
}

Breaker::Trip Breaker::report_probe(Outcome outcome, const BreakerSettings& settings, TimePoint now,
                                    uint64_t era) noexcept {
  uint64_t word = word_.load(std::memory_order_relaxed);
  for (;;) {
    Fields fields = unpack(word);
    if (fields.state != State::half_open || fields.time != era) {
      return Trip::none;  // it was given up
    }
    if (failed(outcome) || outcome == Outcome::late) {
      fields = reopened(fields, settings, now);
    } else {
      fields.b += outcome == Outcome::success ? 1 : 0;
      if (fields.b >= settings.successes) {
        fields = {State::closed, 0, 0, fields.opened, false, milliseconds_of(now)};
      } else {
        fields.a = std::min(fields.a + 1, settings.probes);  // another may go
      }
    }
    if (change(word, fields)) {
      return fields.state == State::open ? Trip::probe : Trip::none;
    }
  }
}

// It was asked because there was nobody else. As many good answers as of probes, in a row, and it
// is back; bad ones change nothing: it is out as it is.
void Breaker::report_anyway(Outcome outcome, const BreakerSettings& settings,
                            TimePoint now) noexcept {
  if (outcome != Outcome::success && !failed(outcome)) {
    return;
  }
  uint64_t word = word_.load(std::memory_order_relaxed);
  for (;;) {
    Fields fields = unpack(word);
    if (fields.state == State::closed) {
      return;
    }
    fields.b = failed(outcome) ? 0 : fields.b + 1;
    if (fields.b >= settings.successes && !failed(outcome)) {
      fields = {State::closed, 0, 0, fields.opened, false, milliseconds_of(now)};
    }
    if (pack(fields) == word || change(word, fields)) {
      return;
    }
  }
}

TimePoint Breaker::next_chance() const noexcept {
  const Fields fields = unpack(word_.load(std::memory_order_relaxed));
  if (fields.state == State::closed || (fields.state == State::half_open && fields.a > 0)) {
    return TimePoint{};
  }
  return TimePoint(std::chrono::milliseconds(static_cast<int64_t>(fields.time)));
}

void Breaker::reset(TimePoint now) noexcept {
  window_.clear();
  word_.store(pack({State::closed, 0, 0, 0, false, milliseconds_of(now)}),
              std::memory_order_relaxed);
}

void Breaker::pass(TimePoint now) noexcept {
  uint64_t word = word_.load(std::memory_order_relaxed);
  for (;;) {
    const Fields fields = unpack(word);
    const uint64_t at = milliseconds_of(now);
    if (fields.state == State::closed || !fields.soft ||
        (fields.state == State::open && at < fields.time) ||
        change(word, {State::closed, 0, 0, fields.opened, false, at})) {
      return;
    }
  }
}

std::string_view to_string(Breaker::Trip trip) noexcept {
  switch (trip) {
    case Breaker::Trip::none:
      break;
    case Breaker::Trip::unreachable:
      return "it does not answer";
    case Breaker::Trip::failures:
      return "too many failures in a row";
    case Breaker::Trip::percent:
      return "too large a share of its answers are failures";
    case Breaker::Trip::probe:
      return "it has failed again";
  }
  return "";
}

std::string_view to_string(Breaker::State state) noexcept {
  switch (state) {
    case Breaker::State::closed:
      return "closed";
    case Breaker::State::open:
      return "open";
    case Breaker::State::half_open:
      break;
  }
  return "half_open";
}

}  // namespace pingap::upstream

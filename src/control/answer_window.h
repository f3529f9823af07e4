// How the process has answered lately, as far as what runs now is concerned. Control thread.
#pragma once

#include <cstdint>
#include <deque>

#include "observe/counters.h"

namespace pingap::control {

struct Answers {
  uint64_t all = 0;
  uint64_t failed = 0;  // of them with 5xx

  double share() const noexcept {
    return all == 0 ? 0 : static_cast<double>(failed) / static_cast<double>(all);
  }
};

class AnswerWindow {
 public:
  // So many looks back, at most.
  explicit AnswerWindow(size_t most) : most_(most) {}

  // What is answered from now on counts.
  void restart(const observe::Totals& now);
  // A look, as often as the window is to go on by one.
  void look(const observe::Totals& now);

  Answers since_restart(const observe::Totals& now) const noexcept;
  // Since the first look that is kept; where those are less than `least`, all since restart().
  Answers lately(const observe::Totals& now, uint64_t least) const noexcept;

 private:
  const size_t most_;
  Answers begun_;
  std::deque<Answers> looks_;  // totals at that time, the oldest first
};

}  // namespace pingap::control

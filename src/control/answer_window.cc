#include "control/answer_window.h"

namespace pingap::control {
namespace {

Answers between(const Answers& from, const observe::Totals& to) noexcept {
  return {to.answers - from.all, to.server_errors - from.failed};
}

}  // namespace

void AnswerWindow::restart(const observe::Totals& now) {
  begun_ = between({}, now);
  looks_.clear();
}

void AnswerWindow::look(const observe::Totals& now) {
  looks_.push_back(between({}, now));
  if (looks_.size() > most_) {
    looks_.pop_front();
  }
}

Answers AnswerWindow::since_restart(const observe::Totals& now) const noexcept {
  return between(begun_, now);
}

Answers AnswerWindow::lately(const observe::Totals& now, uint64_t least) const noexcept {
  const Answers some = between(looks_.size() < most_ ? begun_ : looks_.front(), now);
  return some.all < least ? since_restart(now) : some;
}

}  // namespace pingap::control

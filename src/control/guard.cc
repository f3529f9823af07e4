#include "control/guard.h"

#include <utility>

#include <fmt/format.h>

#include "base/log.h"

namespace pingap::control {
namespace {

constexpr Duration kLook = std::chrono::milliseconds(250);

// Fewer answers say nothing.
constexpr uint64_t kLeastAnswers = 20;

struct Answers {
  uint64_t all;
  uint64_t failed;

  double share() const noexcept {
    return all == 0 ? 0 : static_cast<double>(failed) / static_cast<double>(all);
  }
};

Answers between(const observe::Totals& from, const observe::Totals& to) noexcept {
  return {to.answers - from.answers, to.server_errors - from.server_errors};
}

}  // namespace

Guard::Guard(const proxy::Server& server, const proxy::LiveUpstreams& upstreams,
             net::EventLoop& loop)
    : server_(server), upstreams_(upstreams), loop_(loop) {
}

std::set<std::string> Guard::alive() const {
  std::set<std::string> names;
  for (const auto& server : upstreams_.report()) {
    if (server.state == "up") {
      names.insert(server.upstream);
    }
  }
  return names;
}

void Guard::remember() {
  share_before_ = between(begun_, server_.totals()).share();
  had_ = alive();
}

void Guard::watch(Duration window, uint32_t percent, Worse worse) {
  begun_ = server_.totals();
  percent_ = percent;
  until_ = loop_.now() + window;
  worse_ = std::move(worse);
  loop_.arm(timer_, kLook);
}

// Empty: nothing is.
std::string Guard::what_is_worse() const {
  const Answers answers = between(begun_, server_.totals());
  if (answers.all >= kLeastAnswers &&
      answers.share() > share_before_ + static_cast<double>(percent_) / 100) {
    return fmt::format("{} of {} answers were 5xx ({:.1f} %; before {:.1f} %)", answers.failed,
                       answers.all, answers.share() * 100, share_before_ * 100);
  }
  const auto reports = upstreams_.report();
  const auto now = alive();
  for (const auto& server : reports) {
    if (had_.contains(server.upstream) && !now.contains(server.upstream)) {
      return fmt::format("no server of [upstreams.{}] is left", server.upstream);
    }
  }
  return {};
}

void Guard::on_timer() noexcept {
  const std::string why = what_is_worse();
  if (!why.empty()) {
    std::exchange(worse_, nullptr)(why);
    return;
  }
  if (loop_.now() < until_) {
    loop_.arm(timer_, kLook);
    return;
  }
  PINGAP_LOG(info, "the new configuration stays: nothing got worse");
}

}  // namespace pingap::control

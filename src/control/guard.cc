#include "control/guard.h"

#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "control/troubles.h"

namespace pingap::control {
namespace {

constexpr Duration kLook = std::chrono::milliseconds(250);

// Fewer answers say nothing.
constexpr uint64_t kLeastAnswers = 20;

// How one does is compared with how the one before did in its last minute.
constexpr Duration kStep = std::chrono::seconds(10);
constexpr size_t kSteps = 6;

}  // namespace

Guard::Guard(const proxy::Server& server, const proxy::LiveUpstreams& upstreams,
             net::EventLoop& loop)
    : server_(server), upstreams_(upstreams), loop_(loop), answers_(kSteps) {
  loop_.arm(look_, kStep);
}

void Guard::on_look() noexcept {
  answers_.look(server_.totals());
  loop_.arm(look_, kStep);
}

void Guard::begin() {
  answers_.restart(server_.totals());
}

void Guard::remember() {
  share_before_ = answers_.lately(server_.totals(), kLeastAnswers).share();
  had_.clear();
  for (const auto& [name, servers] : servers_in_use(upstreams_)) {
    if (servers.taking > 0) {
      had_.insert(name);
    }
  }
}

void Guard::watch(Duration window, uint32_t percent, Worse worse) {
  percent_ = percent;
  until_ = loop_.now() + window;
  worse_ = std::move(worse);
  loop_.arm(timer_, kLook);
}

// Empty: nothing is.
std::string Guard::what_is_worse() const {
  const Answers answers = answers_.since_restart(server_.totals());
  if (answers.all >= kLeastAnswers &&
      answers.share() > share_before_ + static_cast<double>(percent_) / 100) {
    return fmt::format("{} of {} answers were 5xx ({:.1f} %; before {:.1f} %)", answers.failed,
                       answers.all, answers.share() * 100, share_before_ * 100);
  }
  for (const auto& [name, servers] : servers_in_use(upstreams_)) {
    if (had_.contains(name) && servers.taking == 0) {
      return fmt::format("no server of [upstreams.{}] is left", name);
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

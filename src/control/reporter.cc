#include "control/reporter.h"

#include <utility>

#include "control/metrics_form.h"

namespace pingap::control {

Reporter::Reporter(const proxy::Server& server, const SideService* side, net::EventLoop& loop)
    : server_(server), side_(side), loop_(loop) {
  plugin::set_process_reporter(this);
}

Reporter::~Reporter() {
  plugin::set_process_reporter(nullptr);
}

plugin::ProcessReport Reporter::report() const noexcept {
  const observe::Totals totals = server_.totals();
  const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(steady_now() - started_);
  return {.requests = totals.answers,
          .server_errors = totals.server_errors,
          .handshakes = totals.handshakes,
          .uptime = static_cast<uint64_t>(uptime.count()),
          .connections = server_.connections(),
          .workers = static_cast<uint32_t>(server_.workers())};
}

void Reporter::metrics(std::string_view accept, Done done) {
  const observe::Form form = choose_form(accept);
  const std::lock_guard lock(mutex_);
  std::vector<Done>& waiting = waiting_[static_cast<size_t>(form)];
  waiting.push_back(std::move(done));
  if (waiting.size() == 1) {
    loop_.post([this, form] { answer(form); });
  }
}

void Reporter::answer(observe::Form form) {
  std::vector<Done> waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting.swap(waiting_[static_cast<size_t>(form)]);
  }
  auto text =
      std::make_shared<const std::string>(side_ == nullptr ? std::string() : side_->metrics(form));
  for (const Done& done : waiting) {
    done({text, observe::content_type(form)});
  }
}

}  // namespace pingap::control

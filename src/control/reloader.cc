#include "control/reloader.h"

#include <cstdio>
#include <utility>

#include <fmt/core.h>

#include "base/log.h"
#include "config/changes.h"
#include "control/limits.h"

namespace pingap::control {
namespace {

// How often it looks whether who knows servers has answered.
constexpr Duration kApplyCheck = std::chrono::milliseconds(10);

}  // namespace

Reloader::Reloader(std::string path, Loaded loaded, proxy::Server& server,
                   proxy::LiveUpstreams& upstreams, net::EventLoop& loop)
    : path_(std::move(path)),
      loaded_(std::move(loaded)),
      server_(server),
      upstreams_(upstreams),
      loop_(loop) {
  certificates_.emplace(loop_, loaded_.model, *loaded_.snapshot);
}

void Reloader::reload(Request request, Done done) {
  if (stopped_) {
    done({ExitCode::runtime_failure, "this process is ending\n"});
    return;
  }
  waiting_.push_back({std::move(request), std::move(done)});
  if (served_.empty()) {
    begin();
  }
}

void Reloader::stop() {
  stopped_ = true;
  timer_.cancel();
  next_.reset();
  for (auto* asked : {&served_, &waiting_}) {
    for (const Asked& one : std::exchange(*asked, {})) {
      one.done({ExitCode::runtime_failure, "this process is ending\n"});
    }
  }
}

// What runs goes on until the other one is known to be good.
void Reloader::begin() {
  served_ = std::exchange(waiting_, {});
  auto loaded = load(path_, Check::start, loaded_.snapshot.get());
  if (!loaded) {
    fmt::print(stderr, "{}", loaded.error().report);
    PINGAP_LOG(error, "reload refused: the configuration before stays");
    end({loaded.error().code, loaded.error().report});
    return;
  }
  if (auto bound = server_.prepare(*loaded->snapshot); !bound) {
    PINGAP_LOG(error, "reload refused: {}", bound.error());
    end({ExitCode::cannot_bind, bound.error() + "\n"});
    return;
  }
  next_ = std::move(*loaded);
  upstreams_.prepare(*next_->snapshot);
  apply_by_ = loop_.now() + kFindServers;
  apply();
}

void Reloader::apply() noexcept {
  if (!upstreams_.prepared() && loop_.now() < apply_by_) {
    loop_.arm(timer_, kApplyCheck);
    return;
  }
  commit();
}

void Reloader::commit() {
  std::string what = config::changes(loaded_.model, next_->model);
  if (what.empty()) {
    what = "nothing has changed";
  }
  certificates_.reset();
  loaded_ = std::move(*next_);
  next_.reset();
  server_.publish(loaded_.snapshot, loop_);
  upstreams_.commit(loaded_.snapshot);
  certificates_.emplace(loop_, loaded_.model, *loaded_.snapshot);
  fmt::print(stderr, "{}", loaded_.warnings);
  log::g_level.store(loaded_.snapshot->basic.log_level);
  PINGAP_LOG(info, "configuration reloaded: {}", what);
  end({ExitCode::ok, loaded_.warnings + "configuration reloaded: " + what + "\n"});
}

void Reloader::end(const Answer& answer) {
  for (const Asked& one : std::exchange(served_, {})) {
    one.done(answer);
  }
  if (served_.empty() && !waiting_.empty()) {
    begin();
  }
}

}  // namespace pingap::control

#include "control/config_watch.h"

#include <utility>

namespace pingap::control {

ConfigWatch::ConfigWatch(config::Storage& storage, Reloader& reloader, net::EventLoop& loop)
    : reloader_(std::make_shared<Reloader*>(&reloader)) {
  if (!storage.can_follow()) {
    return;
  }
  const std::weak_ptr<Reloader*> weak = reloader_;
  thread_ = std::jthread([&storage, &loop, weak](const std::stop_token& stop) {
    const auto bring = [&](config::Storage::Read read) {
      loop.post([weak, read = std::move(read)]() mutable {
        if (const auto there = weak.lock()) {
          (*there)->bring(std::move(read));
        }
      });
    };
    storage.follow(bring, stop);
  });
}

}  // namespace pingap::control

// Hears of changes of a configuration that lies where changes are told (etcd), on a thread of its
// own, and brings them to the control thread.
#pragma once

#include <memory>
#include <thread>

#include "config/storage.h"
#include "control/reloader.h"
#include "net/event_loop.h"

namespace pingap::control {

class ConfigWatch {
 public:
  // Begins where `storage` can follow; until this ends nobody else may use that but its refresh().
  // All outlive it.
  ConfigWatch(config::Storage& storage, Reloader& reloader, net::EventLoop& loop);
  ConfigWatch(const ConfigWatch&) = delete;
  ConfigWatch& operator=(const ConfigWatch&) = delete;
  ~ConfigWatch() = default;

 private:
  std::shared_ptr<Reloader*> reloader_;  // what is brought after the end of this finds nobody
  std::jthread thread_;                  // ends first
};

}  // namespace pingap::control

// Looks names up by the system's resolver, which blocks, on threads of its own: a dead one keeps
// neither signals nor the watchdog waiting. Control thread, but for those threads.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/address.h"
#include "net/event_loop.h"

namespace pingap::control {

class NameLookup {
 public:
  // A name that has no address is there with none.
  using Done = std::function<void(const net::NamedAddresses&)>;

  explicit NameLookup(net::EventLoop& loop);
  NameLookup(const NameLookup&) = delete;
  NameLookup& operator=(const NameLookup&) = delete;
  // As cancel().
  ~NameLookup();

  // Looks all of `names` ("host:port") up. `done` is called once, from the loop, unless that is
  // cancelled; several may be under way.
  void start(std::vector<std::string> names, Done done);
  // What is under way tells nobody; its threads end by themselves, whenever the resolver lets them.
  void cancel();

 private:
  struct Link;
  struct Task;

  static void work(const std::shared_ptr<Task>& task);
  static void finish(const std::shared_ptr<Task>& task);

  net::EventLoop& loop_;
  std::shared_ptr<Link> link_;  // with all that is under way
};

}  // namespace pingap::control

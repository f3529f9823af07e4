// Small HTTP servers to try the proxy with, built into it: they answer with their name and what
// they were sent. All run on one thread of their own. Control thread.
//
//   any path      who answered, and the request as it arrived (JSON by Accept)
//   /status/NNN   that status              /bytes/N    N bytes
//   /delay/MS     after so many ms         /stream     five lines, one each 200 ms
//   /echo         the body of the request  /ws         WebSocket echo
#pragma once

#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "net/address.h"
#include "net/event_loop.h"

namespace pingap::demo {

struct Backend {
  net::Address address;
  std::string name;
};

// "one", "two" and "three" on 127.0.0.1:9101 to 9103, as configs/example.toml has them.
std::vector<Backend> default_backends();

class Origin;

class DemoBackends {
 public:
  DemoBackends();
  DemoBackends(const DemoBackends&) = delete;
  DemoBackends& operator=(const DemoBackends&) = delete;
  ~DemoBackends();

  // Binds all addresses, then starts the thread; all or nothing. Error::sys holds errno.
  Result<> start(std::span<const Backend> backends);
  // Closes all connections and ends the thread.
  void stop();

  // Where they listen, in their order; port 0 resolved.
  const std::vector<net::Address>& addresses() const noexcept { return addresses_; }

 private:
  std::unique_ptr<net::EventLoop> loop_;
  std::vector<std::unique_ptr<Origin>> origins_;  // used by the thread while it runs
  std::vector<net::Address> addresses_;
  std::thread thread_;
};

}  // namespace pingap::demo

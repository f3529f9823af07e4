// All workers of a snapshot and their sockets. Control thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "observe/counters.h"
#include "observe/log_sink.h"
#include "proxy/snapshot.h"
#include "proxy/worker.h"

namespace pingap::proxy {

// What to do about an address that cannot be listened on, by its errno; empty where that says it.
std::string_view listen_hint(int error) noexcept;

class Server {
 public:
  explicit Server(std::shared_ptr<const Snapshot> snapshot);
  ~Server();

  // Binds every address for every worker, opens the logs. What failed is in the text: nothing
  // accepts before all of it has worked.
  tl::expected<void, std::string> bind();
  void start();

  // "127.0.0.1:8080 (web)", ports resolved.
  const std::vector<std::string>& addresses() const noexcept { return addresses_; }

  size_t workers() const noexcept { return workers_.size(); }

  uint32_t connections() const noexcept;

  // The servers that an upstream has from now on; also before start().
  void update(size_t cluster, const std::shared_ptr<const upstream::EndpointSet>& servers);

  // Why the workers cannot go over to this configuration as they run; empty where they can.
  std::string refuses(const Snapshot& next) const;
  // From now on this is the configuration; `control` is the loop of this thread.
  void publish(std::shared_ptr<const Snapshot> next, net::EventLoop& control);

  void drain();
  void abort();
  bool finished() const noexcept;  // every worker has ended
  void join();
  void reopen_logs();
  // Of all workers, since the start.
  observe::Totals totals() const noexcept;

 private:
  tl::expected<void, std::string> expect_free_addresses() const;
  tl::expected<void, std::string> bind_address(const Site& site, const std::string& address);

  std::shared_ptr<const Snapshot> snapshot_;
  observe::LogWriter logs_;  // outlives the workers
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::string> addresses_;
  std::vector<std::string> bound_;         // as configured, by the index of the frontends
  std::vector<std::string> socket_files_;  // removed at the end
};

}  // namespace pingap::proxy

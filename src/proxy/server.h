// All workers of a snapshot and their sockets. Control thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "observe/counters.h"
#include "observe/log_sink.h"
#include "proxy/inherited.h"
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
  // accepts before all of it has worked, but for logs where `bad_logs` says so. Sockets of ours
  // among `inherited` are used as they are; it is what nobody took afterwards.
  tl::expected<void, std::string> bind(InheritedSockets inherited = {},
                                       observe::BadLog bad_logs = observe::BadLog::refused);
  void start();

  // "127.0.0.1:8080 (web)", ports resolved.
  std::vector<std::string> addresses() const;

  size_t workers() const noexcept { return workers_.size(); }

  uint32_t connections() const noexcept;

  // The servers that an upstream has from now on; also before start().
  void update(size_t cluster, const std::shared_ptr<const upstream::EndpointSet>& servers);

  // Another configuration: binds what it has and the one before has not, opens its logs. Where
  // that fails nothing has changed.
  tl::expected<void, std::string> prepare(const Snapshot& next);
  // Whether that would work now, without doing it.
  tl::expected<void, std::string> try_to_prepare(const Snapshot& next) const;
  // From now on the one that was prepared is the configuration, with these servers in its
  // upstreams; `control` is the loop of this thread, on which `done` is called once every worker
  // goes by it.
  void publish(std::shared_ptr<const Snapshot> next, ClusterSets sets, net::EventLoop& control,
               std::function<void()> done);

  // The listening sockets, with their addresses as configured; ours.
  struct Socket {
    std::string address;
    int fd;
  };

  std::vector<Socket> sockets() const;

  // Runs `work` at a moment at which no worker does anything: they wait until it is over. Between
  // start() and the end of the workers.
  void while_workers_wait(const std::function<void()>& work);

  void drain();
  // The process before has ended its part: the files of inherited sockets are ours.
  void own_files() noexcept;
  // As drain(); another process has the sockets, and their files are its own.
  void hand_over();
  void abort();
  bool finished() const noexcept;  // every worker has ended
  void join();
  void reopen_logs();

  // Of one site, by name.
  struct SiteConnections {
    std::string site;
    uint32_t count;
    Frontend::SpeaksCounts speaks;  // of those that have begun
  };

  std::vector<SiteConnections> connections_by_site() const;
  // By worker.
  std::vector<uint32_t> connections_by_worker() const;
  // What became of lines for the access logs, since the start.
  observe::LogTotals log_totals() const;
  // Calls `message` with each worker, on its thread.
  void tell_workers(const std::function<void(Worker&)>& message) const;

  // The requests that somebody wants to see from now on, instead of others; null = none.
  void watch(const std::shared_ptr<RequestWatch>& what) const;

  // Of all workers, since the start.
  observe::Totals totals() const noexcept;

 private:
  struct Bound {
    std::string address;         // as configured
    std::string shown;           // with its port
    std::string socket_file;     // that is taken away at the end
    std::string inherited_file;  // the same of a socket that was inherited
    Served served;
  };

  using BoundList = std::vector<Bound>;

  tl::expected<BoundList, std::string> bind_all(const Snapshot& snapshot, observe::BadLog bad_logs);
  bool is_leaving(const std::string& address) const noexcept;
  tl::expected<void, std::string> expect_free(const Snapshot& snapshot) const;
  tl::expected<void, std::string> bind_address(const Site& site, Bound& to);
  // Of an address, for each worker.
  using SocketLists = std::vector<std::vector<net::Fd>>;
  tl::expected<SocketLists, std::string> sockets_for(const std::string& text);
  using Sinks = std::vector<std::shared_ptr<observe::LogSink>>;
  tl::expected<Sinks, std::string> open_logs(const Site& site, observe::BadLog bad);
  tl::expected<void, std::string> open_output(const LogSettings& settings, observe::BadLog bad);
  void use_output();
  const Bound* find(const std::string& address) const noexcept;
  std::vector<Served> served() const;

  std::shared_ptr<const Snapshot> snapshot_;
  observe::LogWriter logs_;              // outlives the workers
  std::unique_ptr<log::Output> output_;  // of the application log; null = stderr
  std::unique_ptr<log::Output> next_output_;
  std::vector<std::unique_ptr<Worker>> workers_;
  BoundList bound_;
  BoundList next_;  // prepared
  InheritedSockets inherited_;
  std::vector<std::pair<std::string, TimePoint>> left_;  // addresses, and when they were given up
};

}  // namespace pingap::proxy

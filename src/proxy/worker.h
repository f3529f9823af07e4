// A thread that proxies: its loop, its listening sockets, its connections to backends. Shares
// nothing with other workers on the path of a request but the snapshot and a few atomics; a new
// connection that is too many here goes to another worker (spill.h).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <thread>
#include <unordered_map>
#include <vector>

#include "net/event_loop.h"
#include "observe/counters.h"
#include "observe/log_sink.h"
#include "proxy/frontend.h"
#include "proxy/generation.h"
#include "proxy/listening.h"
#include "proxy/loose_calls.h"
#include "proxy/request_watch.h"
#include "proxy/snapshot.h"
#include "proxy/spill.h"
#include "proxy/under_way.h"
#include "session/handshake_session.h"
#include "upstream/backends.h"

namespace pingap::proxy {

// The servers of upstreams, by Cluster::index.
using ClusterSets = std::unordered_map<size_t, std::shared_ptr<const upstream::EndpointSet>>;

class Worker {
 public:
  // `index` of `count` workers; `loop` is handed over.
  Worker(std::shared_ptr<const Snapshot> snapshot, std::unique_ptr<net::EventLoop> loop,
         uint32_t index, uint32_t count);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();

  // Control thread, before start(): all workers, by index. They outlive this one's thread.
  void set_peers(std::span<const std::unique_ptr<Worker>> all);
  // Before start(), or its thread: these addresses and no others from now on.
  void serve(const std::vector<Served>& all);
  void start();
  // Any thread: another configuration from now on, of which these are the servers (where none are
  // given: those that are written down) and the addresses. What has begun
  // ends on the one that it began with; snapshots that nothing goes by any more are handed to
  // `control`, since they take their time to be freed. `done` is called there once it is in use.
  void publish(std::shared_ptr<const Snapshot> snapshot, std::shared_ptr<const ClusterSets> sets,
               std::vector<Served> served, net::EventLoop& control,
               const std::function<void()>& done);
  // Any thread: what servers an upstream has from now on.
  void update(size_t cluster, std::shared_ptr<const upstream::EndpointSet> servers);
  // Any thread: the requests that somebody wants to see from now on; null = none.
  void watch(std::shared_ptr<RequestWatch> what);
  // Any thread. drain(): answers what is under way, then the thread ends. abort(): ends it now.
  void drain();
  void abort();
  // As drain(), but another process goes on with our sockets.
  void hand_over();
  void join();

  bool finished() const noexcept { return finished_.load(std::memory_order_acquire); }

  // Those on their way here from other workers included.
  uint32_t connections() const noexcept {
    return connections_.load(std::memory_order_relaxed) & ~kStopping;
  }

  bool stopping() const noexcept {
    return (connections_.load(std::memory_order_relaxed) & kStopping) != 0;
  }

  // Counts a connection that is about to come from another worker. False: this one is stopping,
  // and would perhaps not see it. One that is counted is waited for.
  bool reserve() noexcept { return add_below(connections_, kStopping); }

  void add_counts_to(observe::Totals& totals) const noexcept { counters_.add_to(totals); }

  uint32_t index() const noexcept { return index_; }

  // The worker's thread:
  net::EventLoop& loop() noexcept { return *loop_; }

  session::HandshakeQueue& handshakes() noexcept { return handshakes_; }

  observe::Counters& counters() noexcept { return counters_; }

  const Snapshot& snapshot() const noexcept { return *generations_.back()->snapshot; }

  // What an exchange that begins goes by, until it is given back.
  Generation& pin() noexcept {
    Generation& current = *generations_.back();
    ++current.exchanges;
    return current;
  }

  void unpin(Generation& generation) noexcept {
    if (--generation.exchanges == 0 && &generation != generations_.back().get()) {
      forget_later();
    }
  }

  upstream::Backends& backends(const Cluster& cluster) noexcept {
    return *backends_.data()[cluster.index];  // of a pinned snapshot: it is there
  }

  LooseCalls& loose_calls() noexcept { return loose_calls_; }

  UnderWayList& under_way() noexcept { return under_way_; }

  // Null: nobody wants to see requests.
  RequestWatch* watched() const noexcept { return watch_.get(); }

  uint32_t connection_limit(const Site& site) const noexcept;
  // One more connection may be too many beside what the others have: choose_host() knows.
  bool may_be_crowded() const noexcept;
  // Who of `all` is to serve a connection that came to ours; null: no worker has room for it.
  Frontend* choose_host(const Listening& all) noexcept;
  WallTime wall_time() noexcept;
  void flush_log_later() noexcept;
  void trim_memory_later() noexcept;
  void on_connection_opened() noexcept;
  void on_connection_closed() noexcept;

 private:
  // Set in connections_, so that nobody can count a connection here once it is.
  static constexpr uint32_t kStopping = uint32_t{1} << 31;

  // Of one upstream: that other workers can be told.
  struct Queue {
    Worker* worker;
    size_t cluster;

    void wake_others() noexcept;
  };

  void run() noexcept;
  const Cluster* find_before(std::string_view name) const noexcept;
  void add_backends(const Snapshot& snapshot, const ClusterSets& sets);
  void forget_later() noexcept;
  void forget_generations() noexcept;
  void forget_backends() noexcept;
  void forget_frontends() noexcept;
  void forget_logs() noexcept;

  Frontend& own(const Listening& all) const noexcept { return *all.frontends[index_]; }

  void for_each_frontend(void (*tell)(Frontend&)) noexcept;
  void stop_taking() noexcept;
  void drain_here() noexcept;
  void hand_over_here() noexcept;
  void abort_here() noexcept;
  void stop_when_done() noexcept;
  bool backends_have_all() const noexcept;
  void flush_logs() noexcept;
  void trim_memory() noexcept;
  observe::LogBuffer* log_buffer(const std::shared_ptr<observe::LogSink>& sink);

  std::vector<std::unique_ptr<Generation>> generations_;  // oldest first; the last is current
  std::unique_ptr<net::EventLoop> loop_;
  net::EventLoop* control_ = nullptr;  // once there was another configuration
  const uint32_t index_;
  const uint32_t count_;
  std::vector<std::shared_ptr<const Cluster>> clusters_;  // whose backends there are; else null
  std::vector<std::unique_ptr<upstream::Backends>> backends_;  // by cluster, the same
  std::vector<std::unique_ptr<Queue>> queues_;                 // by cluster
  LooseCalls loose_calls_{*this};
  std::shared_ptr<RequestWatch> watch_;  // its thread
  std::vector<std::pair<observe::LogSink*, std::unique_ptr<observe::LogBuffer>>> log_buffers_;
  UnderWayList under_way_;
  session::HandshakeQueue handshakes_{*loop_};
  std::vector<std::shared_ptr<Listening>> listening_;
  std::vector<std::shared_ptr<Listening>> leaving_;  // their last connections are to end
  observe::Counters counters_;
  net::Timer log_timer_{Callback<void()>::of<&Worker::flush_logs>(this)};
  net::Timer stop_timer_{Callback<void()>::of<&Worker::stop_when_done>(this)};
  net::Timer forget_timer_{Callback<void()>::of<&Worker::forget_generations>(this)};
  net::Timer trim_timer_{Callback<void()>::of<&Worker::trim_memory>(this)};
  TimePoint wall_at_{};  // loop time that wall_ belongs to
  WallTime wall_{};
  std::span<const std::unique_ptr<Worker>> peers_;
  std::vector<WorkerLoad> loads_;         // of the peers, when choose_host() looked
  TimePoint crowd_limit_at_{};            // loop time of then
  uint32_t crowd_limit_ = 0;              // as of then
  uint32_t connection_limit_ = 0;         // of a frontend, from the limit of descriptors
  std::atomic<uint32_t> connections_{0};  // the worker writes, others by reserve(); kStopping
  std::atomic<bool> finished_{false};     // the worker writes
  std::thread thread_;
};

}  // namespace pingap::proxy

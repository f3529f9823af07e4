// A thread that proxies: its loop, its listening sockets, its connections to backends. Shares
// nothing with other workers on the path of a request but the snapshot and a few atomics.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "net/event_loop.h"
#include "observe/log_sink.h"
#include "proxy/frontend.h"
#include "proxy/snapshot.h"
#include "upstream/pool.h"

namespace pingap::proxy {

class Worker {
 public:
  // `index` of `count` workers; `loop` is handed over.
  Worker(std::shared_ptr<const Snapshot> snapshot, std::unique_ptr<net::EventLoop> loop,
         uint32_t index, uint32_t count);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();

  // Control thread, before start(): the socket of one address of `site`.
  void add_listener(const Site& site, net::Fd socket, const std::shared_ptr<observe::LogSink>& log);
  Result<> listen() noexcept;
  void start();
  // Any thread. drain(): answers what is under way, then the thread ends. abort(): ends it now.
  void drain();
  void abort();
  void join();

  bool finished() const noexcept { return finished_.load(std::memory_order_acquire); }

  uint32_t connections() const noexcept { return connections_.load(std::memory_order_relaxed); }

  // The worker's thread:
  net::EventLoop& loop() noexcept { return *loop_; }

  const Snapshot& snapshot() const noexcept { return *snapshot_; }

  upstream::EndpointPool& pool(const Cluster& cluster, size_t endpoint) noexcept {
    return *pools_[cluster.index][endpoint];
  }

  // The endpoint to try next, never one with its bit in `tried`; -1 = none is left or usable.
  int pick(const Cluster& cluster, const exchange::Exchange& x, uint64_t tried) noexcept;
  uint32_t connection_limit(const Site& site) const noexcept;
  WallTime wall_time() noexcept;
  void flush_log_later() noexcept;
  void on_connection_opened() noexcept;
  void on_connection_closed() noexcept;

 private:
  void run() noexcept;
  void drain_here() noexcept;
  void abort_here() noexcept;
  void stop_when_done() noexcept;
  void flush_logs() noexcept;
  void trim_memory() noexcept;
  observe::LogBuffer* log_buffer(const std::shared_ptr<observe::LogSink>& sink);

  std::shared_ptr<const Snapshot> snapshot_;
  std::unique_ptr<net::EventLoop> loop_;
  const uint32_t index_;
  const uint32_t count_;
  std::vector<std::vector<std::unique_ptr<upstream::EndpointPool>>> pools_;  // cluster, endpoint
  std::vector<upstream::balancer::Cursor> cursors_;                          // by cluster
  std::vector<std::pair<observe::LogSink*, std::unique_ptr<observe::LogBuffer>>> log_buffers_;
  std::vector<std::unique_ptr<Frontend>> frontends_;
  net::Timer log_timer_{Callback<void()>::of<&Worker::flush_logs>(this)};
  net::Timer stop_timer_{Callback<void()>::of<&Worker::stop_when_done>(this)};
  net::Timer trim_timer_{Callback<void()>::of<&Worker::trim_memory>(this)};
  TimePoint wall_at_{};  // loop time that wall_ belongs to
  WallTime wall_{};
  std::atomic<uint32_t> connections_{0};  // the worker writes, any thread reads
  std::atomic<bool> finished_{false};     // the worker writes
  uint32_t connection_limit_ = 0;
  std::thread thread_;
};

}  // namespace pingap::proxy

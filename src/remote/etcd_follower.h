// Follows what lies below a prefix of etcd: reads it, watches it, and reads it anew after each
// change, after trouble and when asked to. A thread of its own runs it.
//
//   reading --answered--> watching --change, +50 ms--> reading (the watch stays open)
//      |                     |
//      +------failed---------+--> waiting --100 ms to 10 s, refresh--> reading
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/trouble.h"
#include "remote/backoff.h"
#include "remote/etcd_client.h"

namespace pingap::remote {

class EtcdFollower {
 public:
  struct Settings {
    std::string prefix;
    std::function<bool(std::string_view key)> wanted;  // others are passed over
    std::string name;                                  // for logs
    Trouble::Part part;                                // that is in trouble without it
    std::string owner;                                 // of that, by its name
    std::string meanwhile;                             // what is so as long as it cannot be read
  };

  // The client outlives this.
  EtcdFollower(EtcdClient& client, Settings settings);
  EtcdFollower(const EtcdFollower&) = delete;
  EtcdFollower& operator=(const EtcdFollower&) = delete;

  using Changed = std::function<void(EtcdResult<EtcdRange>)>;

  // Calls `changed`, on this thread, with what is another than told last; that is `known` at first,
  // nullopt for nothing. Until stopped. An error is told only to who has asked for a refresh.
  void run(std::optional<EtcdRange> known, const Changed& changed, const std::stop_token& stop);

  // Reads at once, and tells what is there, changed or not. Any thread.
  void refresh() noexcept;

 private:
  bool read();
  void watch();
  std::optional<milliseconds> tick();
  void on_watching();
  void on_change(int64_t revision);
  void on_trouble(const EtcdError& error);
  void wait();

  EtcdClient& client_;
  const Settings settings_;
  const Changed* changed_ = nullptr;
  std::stop_token stop_;
  std::optional<EtcdRange> known_;  // without values
  int64_t revision_ = 0;            // of the last read
  std::optional<TimePoint> due_;    // of the next read
  TimePoint change_at_{};           // the first since the last read
  TimePoint watching_since_{};
  TimePoint heard_at_{};
  unsigned failures_ = 0;  // since it was well for a while
  bool troubled_ = false;  // and it has been said
  Trouble trouble_;
  EtcdError failure_;  // of the last read
  Backoff backoff_;
  std::atomic<bool> asked_{false};  // by refresh()
  std::mutex mutex_;                // of the wait
  std::condition_variable_any woken_;
};

}  // namespace pingap::remote

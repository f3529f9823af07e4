// The servers of one upstream as one worker sees them: their connections, whose turn it is, how
// many tries are repeated. Worker.
//
// The control thread sends another set when they change. A server that stays keeps its connections,
// also where the upstream is another one by its configuration; those of one that has left go when
// their requests have ended.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/callback.h"
#include "base/intrusive_list.h"
#include "net/event_loop.h"
#include "net/timer.h"
#include "upstream/endpoint_set.h"
#include "upstream/pool.h"
#include "upstream/state/cluster_state.h"

namespace pingap::upstream {

struct WaitTag;

// A request for which no server has room: told when that may have changed, or its time is over.
class Waiting : public ListHook<WaitTag> {
 public:
  enum class Turn : uint8_t {
    taken,  // it goes on, or has got its answer
    none,   // there is still no room for it
  };

  // Out of the queue, but for Turn::none. Never from inside a call of the backends'.
  virtual Turn on_turn() noexcept = 0;

 protected:
  ~Waiting() = default;
};

// What does not change while an upstream is there; outlives the backends.
struct BackendsSettings {
  std::string name;  // of the upstream, for the log
  PoolSettings pool;
  std::shared_ptr<ClusterState> state = std::make_shared<ClusterState>();
  bool counts_active = false;     // EndpointState::active is kept: for the algorithm, or the limit
  uint32_t max_active = 0;        // requests under way on a server, of all workers; 0 = no limit
  bool counts_whole = false;      // ClusterState::active is kept, for hashing with bounded load
  uint32_t max_pending = 0;       // requests that wait for one that has room; 0 = none does
  Duration queue_timeout{};       // for how long
  BreakerSettings breaker;        // of each server
  BreakerSettings whole_breaker;  // of all of them together
  // When the breakers of more servers than this are open, in percent, those take requests, too:
  // then it is hardly them.
  uint32_t max_ejected_percent = 80;
  // Repeated tries at once, in percent of all that are under way; the least that is allowed.
  uint32_t retry_percent = 20;
  uint32_t retry_least = 3;
};

// The breakers of so many of `servers` are open that it is hardly them: all are asked all the same.
bool asks_all(const BackendsSettings& settings, const EndpointSet& servers, TimePoint now) noexcept;

class Backends final : public net::Deferrable {
 public:
  // Number `index` of `count` workers. `keeper` holds the settings for pools that outlive this.
  Backends(net::EventLoop& loop, const BackendsSettings& settings, uint32_t index, uint32_t count,
           const std::shared_ptr<const void>& keeper = {});
  Backends(const Backends&) = delete;
  Backends& operator=(const Backends&) = delete;

  // Those of before, before the first update(): servers that stay keep their connections, where
  // they would be made in the same way. What has begun with `before` goes on with these, too.
  void inherit(const Backends& before);

  // The servers from now on.
  void update(std::shared_ptr<const EndpointSet> set);

  const EndpointSet& set() const noexcept { return *set_; }

  // Which set it is: indices are those of one set.
  uint32_t version() const noexcept { return version_; }

  struct Picked {
    EndpointPool* pool = nullptr;
    size_t index = 0;
    Breaker::Permit permit;  // both are to be given back with report()
    Breaker::Permit whole;
  };

  // False where no server can be had. `token`: of the server that the client wants to come back to;
  // empty = any.
  bool pick(balancer::Request& request, std::string_view token, Picked& picked) noexcept;
  // Server `index` once more, for one whose connection was stale.
  bool again(size_t index, Picked& picked) noexcept;

  // How the try went that was picked.
  void report(EndpointPool& pool, Breaker::Permit permit, Breaker::Permit whole,
              Outcome outcome) noexcept;

  // Nobody would learn anything from a success of this server, as nearly always.
  bool knows_well(const EndpointPool& pool) const noexcept {
    return !counts_all_ && pool.endpoint().state->breaker.calm();
  }

  // The first time that a server that is out may be asked again; nothing where none will.
  std::optional<TimePoint> next_chance() const noexcept;

  // The worker that it belongs to, and its time.
  uint32_t worker() const noexcept { return index_; }

  TimePoint now() const noexcept { return loop_.now(); }

  // One more try is under way at a server that was picked, or one less.
  void begin_try(EndpointPool& pool, bool repeats) noexcept {
    ++tries_;
    pool.pin();
    pool.counts().add(ServerCounts::requests);
    if (repeats) {
      pool.counts().add(ServerCounts::retries);
    }
  }

  void end_try(EndpointPool& pool) noexcept {
    --tries_;
    pool.unpin();
    pool.counts().add(ServerCounts::ended);
    if (settings_.counts_active) {
      give_back(*pool.endpoint().state);
      on_room();
    }
  }

  // Whether one more may be a repeated one: then it is counted, until end_retry().
  bool begin_retry() noexcept;

  // One that is made in any case, and counts for others.
  void count_retry() noexcept { ++retries_; }

  void end_retry() noexcept { --retries_; }

  // Closes what is idle and keeps nothing from now on, but for what others have inherited.
  void drain() noexcept;

  // A server takes requests, and has only too many at the moment.
  bool has_room_later() const noexcept;

  // Requests wait for a server: who comes now is behind them.
  bool queued() const noexcept { return !waiting_.empty(); }

  // Puts a request at the end of the queue. False: the queue is full, or there is none.
  bool wait(Waiting& request) noexcept;
  // Takes one out of it that has given up.
  void leave(Waiting& request) noexcept;
  // A request has ended: one that waits may go, here or on another worker.
  void on_room() noexcept;
  // The same, said by another worker.
  void wake() noexcept;

  // How the other workers are told; from their threads on they call wake().
  void set_wake_others(Callback<void()> wake_others) noexcept { wake_others_ = wake_others; }

  // Bytes of tunnels that are over are still to go out.
  bool lingers() const noexcept;

 private:
  // How old the look at all servers may be that says whether too many are out.
  static constexpr Duration kPanicAge = std::chrono::milliseconds(50);
  // A server may be back without a request having ended: so often those who wait look.
  static constexpr Duration kLookEvery = std::chrono::milliseconds(50);
  static constexpr Duration kTendEvery = std::chrono::seconds(1);

  bool too_many_are_out() noexcept;
  bool admit_whole(Picked& picked) noexcept;
  void report_whole(Breaker::Permit permit, Outcome outcome) noexcept;
  bool admit(size_t index, Picked& picked) noexcept;
  // Counts one more request of a server; false where it has as many as it may.
  bool take_place(EndpointState& state) noexcept;
  void give_back(EndpointState& state) noexcept;
  void tell(const Endpoint& endpoint, Breaker::Trip trip) noexcept;
  void tend() noexcept;
  void on_deferred() noexcept override;

  net::EventLoop& loop_;
  const BackendsSettings& settings_;
  const uint32_t index_;
  const uint32_t count_;
  std::shared_ptr<const EndpointSet> set_;
  EndpointSet::Cursors cursors_{};
  const std::shared_ptr<const PoolSettings> pool_settings_;
  std::vector<std::shared_ptr<EndpointPool>> pools_;    // by index in the set
  std::vector<std::shared_ptr<EndpointPool>> leaving_;  // of servers that are not in the set
  uint32_t version_ = 0;
  uint32_t tries_ = 0;
  uint32_t retries_ = 0;
  uint32_t queued_ = 0;  // in waiting_
  uint32_t rooms_ = 0;   // requests that have ended, while some waited
  IntrusiveList<Waiting, WaitTag> waiting_;
  Callback<void()> wake_others_;
  const bool has_whole_;   // a breaker for all servers together
  const bool counts_all_;  // successes matter, too
  bool panics_ = false;
  TimePoint looked_at_{};
  net::Timer look_timer_{Callback<void()>::of<&Backends::wake>(this)};
  net::Timer tend_timer_{Callback<void()>::of<&Backends::tend>(this)};
};

}  // namespace pingap::upstream

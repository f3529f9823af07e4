// The upstreams of a running configuration: who their servers are and how they do. Control thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/event_loop.h"
#include "proxy/server.h"
#include "proxy/snapshot.h"
#include "upstream/discovery/discovery.h"
#include "upstream/health/monitor.h"
#include "upstream/membership.h"

namespace pingap::proxy {

class LiveUpstreams {
 public:
  // Looks for servers and checks them, on `loop`, and tells `server`; all outlive this.
  // `make_store_source` looks into etcd.
  LiveUpstreams(net::EventLoop& loop, std::shared_ptr<const Snapshot> snapshot, Server& server,
                upstream::MakeStoreSource make_store_source = nullptr);
  LiveUpstreams(const LiveUpstreams&) = delete;
  LiveUpstreams& operator=(const LiveUpstreams&) = delete;

  // Every source of servers has answered once.
  bool settled() const noexcept;

  // Begins to look for the servers of those upstreams of `next` that are new or others now. They
  // serve, and are checked, from commit() on; nothing is to be seen of them if there is none.
  void prepare(const Snapshot& next);
  // Every source of their servers has answered once.
  bool prepared() const noexcept;
  // `next` is what counts: what is not in it any more ends. Returns the servers of those that were
  // prepared, for the workers.
  ClusterSets commit(std::shared_ptr<const Snapshot> next);

  // What this process listens on from now on: no server that is found is used there.
  void set_own(std::vector<net::Address> listening);

  // The workers begin: who is found from now on is a newcomer. Checks begin, too.
  void serve();

  // What is known of one server, as of now.
  struct ServerReport {
    std::string upstream;
    std::string server;
    std::string_view state;  // "up", "out", "probing", "unhealthy", "unchecked", ...
    uint32_t weight;
    uint32_t priority;
    uint32_t active;  // requests under way, where they are counted
    upstream::ServerTotals totals;

    bool takes_requests() const noexcept { return state == "up" || state == "probing"; }

    std::string to_string() const;  // for people
  };

  std::vector<ServerReport> report() const;

  // Upstreams of which so many servers are out that all are asked all the same; until the
  // next turn of the loop.
  std::vector<std::string_view> asking_all() const;

  // Of one upstream, how many servers are not used although sources have found them.
  struct LeftOut {
    std::string_view upstream;  // until the next turn of the loop
    size_t servers;
  };

  // Of those upstreams that have sources.
  std::vector<LeftOut> left_out() const;

  // What an operator can tell a server to do.
  enum class Order : uint8_t {
    enable,   // take requests, as far as its health allows
    drain,    // nothing new but from clients that are to come back to it
    disable,  // nothing new
  };

  // Until the process ends, also of a server that goes and comes back. False: there is none such.
  bool set(std::string_view upstream, std::string_view server, Order order);
  bool set_weight(std::string_view upstream, std::string_view server, uint32_t weight);

 private:
  struct Live {
    std::shared_ptr<const Cluster> cluster;
    std::unique_ptr<upstream::Membership> members;
    std::unique_ptr<upstream::HealthMonitor> health;  // null = not checked
  };

  upstream::Membership* find(std::string_view upstream) const noexcept;
  bool has(const Cluster& cluster) const noexcept;
  Live make(const std::shared_ptr<const Cluster>& cluster);
  void serve(const Live& live, const upstream::Membership* before);

  net::EventLoop& loop_;
  Server& server_;
  std::shared_ptr<const Snapshot> snapshot_;
  upstream::Discovery discovery_;
  upstream::OwnListeners own_;
  std::vector<Live> upstreams_;
  std::vector<Live> next_;  // prepared
};

}  // namespace pingap::proxy

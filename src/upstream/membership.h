// Who belongs to one upstream at the moment: the servers that are written down and those that its
// sources have found, each with the state that all workers share. Control thread.
//
//   Source --Found--> Membership --EndpointSet--> Publish: to each worker's Backends
//                          ^
//                health checks, operator: EndpointState
//
// A server that stays is the same Endpoint in the next set, so that workers keep its connections.
// One that comes back is given the state it had, but waits for a check like any newcomer.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/model.h"
#include "upstream/endpoint_set.h"
#include "upstream/own_listeners.h"
#include "upstream/shared_source.h"
#include "upstream/state/known_servers.h"

namespace pingap::upstream {

class Membership {
 public:
  struct Settings {
    Balancing balancing;
    std::shared_ptr<KnownServers> known;  // those of the upstream, whatever its configuration
    bool checked = false;                 // there is a health check: newcomers wait for their first
    const OwnListeners* own = nullptr;    // outlives this; null: every server that is found is used
  };

  // Those of another set take the requests from now on.
  using Publish = std::function<void(std::shared_ptr<const EndpointSet>)>;

  // `servers` are those that are written down. Nothing is published until serve().
  Membership(Settings settings, Endpoints servers, Publish publish);
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;
  ~Membership();

  void add_source(std::shared_ptr<SharedSource> source);
  // Begins to look for servers; who a source has told of already is there at once.
  void start();

  // The servers that there are now take requests, and who comes from now on is a newcomer. So is
  // who was not in `before`, whose place this takes; but for none of those of before stays: then
  // nobody else could take requests. Null: it takes nobody's.
  void serve(const Membership* before);

  // Every source has answered once.
  bool settled() const noexcept;

  // What we listen on ourselves is something else now.
  void look_again();

  // There are sources.
  bool looks() const noexcept { return !sources_.empty(); }

  // How many of those that sources have found are not used: refused, no servers, or ourselves.
  size_t left_out() const noexcept;

  const std::string& upstream() const noexcept { return settings_.balancing.upstream; }

  const EndpointSet& current() const noexcept { return *current_; }

  const std::shared_ptr<const EndpointSet>& current_set() const noexcept { return current_; }

  // Another weight for a server, until the process ends; false where it is not there.
  bool set_weight(std::string_view server, uint32_t weight);

 private:
  using ByName = std::unordered_map<std::string_view, std::shared_ptr<const Endpoint>>;

  struct Known {
    std::shared_ptr<SharedSource> source;
    std::vector<Found> found;    // of what it tells, what is used
    std::set<std::string> ours;  // addresses of it that are not, as we listen there
    bool reported = false;
  };

  // Servers of one upstream; more are left out, with a warning. Each costs connections and checks,
  // and who answers for a name must not be able to make it any number.
  static constexpr size_t kMost = 10'000;

  bool use(Known& known);
  ByName gather();
  void rebuild();
  void greet(const ByName& known) const noexcept;
  Endpoints collect();
  std::shared_ptr<const Endpoint> endpoint_for(const Found& found);
  std::shared_ptr<const Endpoint> with_weight(const std::shared_ptr<const Endpoint>& from);

  const Settings settings_;
  const Publish publish_;
  const Endpoints written_;
  std::vector<Known> sources_;
  std::shared_ptr<const EndpointSet> current_;
  ByName by_name_;  // of current_
  bool serving_ = false;
  bool told_of_most_ = false;
};

}  // namespace pingap::upstream

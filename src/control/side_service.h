// What the control thread serves beside commands, as far as the process has to know of it: it is
// bound, changed and handed over together with the servers. Made above (admin/). Control thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "config/model.h"
#include "net/event_loop.h"
#include "observe/exposition.h"
#include "proxy/inherited.h"
#include "proxy/live_upstreams.h"
#include "proxy/server.h"

namespace pingap::control {

class Reloader;
class RequestsView;

struct Build {
  std::string version;
  std::string commit;
};

// What can be asked about the process; all of it outlives its use.
struct Running {
  const Build& build;
  const proxy::Server& server;
  const proxy::LiveUpstreams& upstreams;
  const Reloader& reloader;
  RequestsView& requests;
  std::function<bool()> stopping;
};

class SideService {
 public:
  virtual ~SideService() = default;

  // Binds what `model` wants and is not there yet, of `inherited` what is in it. The error is for
  // people; then nothing has changed.
  virtual tl::expected<void, std::string> prepare(const config::Model& model,
                                                  proxy::InheritedSockets& inherited) = 0;
  // Whether that would work now, without doing it.
  virtual tl::expected<void, std::string> try_to_prepare(const config::Model& model) const = 0;
  // Goes by what was prepared from now on.
  virtual void commit() = 0;
  // Forgets it.
  virtual void abandon() = 0;

  // Answers from now on: `running` is what there is to tell of.
  virtual void start(const Running& running) = 0;

  // "127.0.0.1:9090 (metrics)", ports resolved.
  virtual std::vector<std::string> addresses() const = 0;
  // What is counted, as Prometheus reads it.
  virtual std::string metrics(observe::Form form) const = 0;
  // The same as fields of a ScopeMetrics of OTLP.
  virtual std::string otlp_metrics() const = 0;
  // The listening sockets, for another process; ours.
  virtual std::vector<proxy::Server::Socket> sockets() const = 0;
  // That process has them from now on.
  virtual void hand_over() = 0;
};

// What the process listens on, for clients and beside them; null: nothing beside them.
std::vector<net::Address> listening(const proxy::Server& server, const SideService* side);

using MakeSideService = std::function<std::unique_ptr<SideService>(net::EventLoop&)>;

}  // namespace pingap::control

// One address that is listened on: a frontend on each worker. Any thread looks at it; nothing in it
// changes. It is there as long as a worker serves it, or a connection is on its way to one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "observe/log_sink.h"
#include "proxy/frontend.h"
#include "proxy/snapshot.h"

namespace pingap::proxy {

struct Listening : std::enable_shared_from_this<Listening> {
  std::vector<std::unique_ptr<Frontend>> frontends;  // by worker
};

// What is served at an address, as a configuration says.
struct Served {
  std::shared_ptr<Listening> listening;
  const Site* site;
  std::vector<std::shared_ptr<observe::LogSink>> logs;  // as those of the site
};

}  // namespace pingap::proxy

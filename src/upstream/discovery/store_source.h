// Servers that a store of keys knows (etcd). Speaking with it is the business of a layer above,
// which gives what makes such sources. Control thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/event_loop.h"
#include "upstream/discovery/server_list.h"
#include "upstream/discovery/source.h"

namespace pingap::upstream {

struct StoreQuery {
  std::string upstream;  // its name
  std::string url;       // may hold secrets
  ListRules rules;
};

// The loop outlives the sources.
using MakeStoreSource =
    std::function<std::unique_ptr<Source>(net::EventLoop& loop, StoreQuery query)>;

}  // namespace pingap::upstream

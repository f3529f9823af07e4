// Servers that a store of keys knows (etcd). Speaking with it is the business of a layer above,
// which gives what makes such sources. Control thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "net/event_loop.h"
#include "upstream/discovery/address_filter.h"
#include "upstream/discovery/source.h"

namespace pingap::upstream {

struct StoreQuery {
  std::string upstream;  // its name
  std::string url;       // may hold secrets
  uint16_t port = 80;    // of addresses without one
  AddressFilter filter;
};

// The loop outlives the sources.
using MakeStoreSource =
    std::function<std::unique_ptr<Source>(net::EventLoop& loop, StoreQuery query)>;

}  // namespace pingap::upstream

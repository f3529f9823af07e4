// Makes the sources of servers that a configuration asks for, and holds what they share. Control
// thread.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/model.h"
#include "net/event_loop.h"
#include "upstream/discovery/ares_resolver.h"
#include "upstream/discovery/name_watch.h"
#include "upstream/discovery/store_source.h"
#include "upstream/shared_source.h"

namespace pingap::upstream {

class Discovery {
 public:
  // The loop outlives this, and this the sources. `make_store_source` may be null: then nobody
  // looks into etcd.
  explicit Discovery(net::EventLoop& loop, MakeStoreSource make_store_source = nullptr)
      : loop_(loop), make_store_source_(std::move(make_store_source)) {}

  Discovery(const Discovery&) = delete;
  Discovery& operator=(const Discovery&) = delete;

  // Of the upstream with this name; `port` is that of addresses in files without one. One that is
  // there already, and looks for the same in the same way, is given again: it knows what it knows.
  std::vector<std::shared_ptr<SharedSource>> make_sources(const std::string& upstream,
                                                          const config::Discovery& from,
                                                          uint16_t port);

 private:
  // All that a source goes by.
  struct Search {
    config::Discovery how;                 // without what is looked for
    std::optional<config::Sought> sought;  // nothing: what a file or a store lists
    uint16_t port;

    bool operator==(const Search&) const = default;
  };

  struct Known {
    Search search;
    std::weak_ptr<SharedSource> source;
  };

  // One for all upstreams that ask in the same way.
  Resolver& resolver_for(const config::Discovery& from);
  std::shared_ptr<SharedSource> find_or_make(const std::string& upstream, Search search);
  std::unique_ptr<Source> make_source(const Search& search, const NameSettings& names);
  std::unique_ptr<Source> make_sought(const config::Sought& sought, const config::Discovery& from,
                                      const NameSettings& names);

  net::EventLoop& loop_;
  const MakeStoreSource make_store_source_;
  std::list<AresResolver> resolvers_;
  std::map<std::string, std::vector<Known>> known_;  // by upstream
};

}  // namespace pingap::upstream

#include "upstream/discovery/discovery.h"

#include <algorithm>
#include <utility>

#include "upstream/discovery/dns.h"
#include "upstream/discovery/docker.h"
#include "upstream/discovery/file.h"

namespace pingap::upstream {
namespace {

constexpr Duration kDockerInterval = std::chrono::seconds(60);

std::vector<std::string> values_of(const std::vector<config::Located<std::string>>& from) {
  std::vector<std::string> values;
  values.reserve(from.size());
  for (const auto& one : from) {
    values.push_back(one.value);
  }
  return values;
}

}  // namespace

Resolver& Discovery::resolver_for(const config::Discovery& from) {
  ResolverSettings wanted;
  wanted.servers = values_of(from.dns_servers);
  wanted.search = values_of(from.dns_search);
  const auto known = std::ranges::find(resolvers_, wanted, &AresResolver::settings);
  return known != resolvers_.end() ? *known : resolvers_.emplace_back(loop_, std::move(wanted));
}

std::unique_ptr<Source> Discovery::make_sought(const config::Sought& sought,
                                               const config::Discovery& from,
                                               const NameSettings& names) {
  switch (sought.by) {
    case config::Sought::By::address:
      return std::make_unique<HostSource>(
          loop_, resolver_for(from), names, sought.name.value,
          HostSource::Servers{sought.port, sought.weight, sought.priority});
    case config::Sought::By::service:
      return std::make_unique<ServiceSource>(loop_, resolver_for(from), names, sought.name.value,
                                             sought.priority);
    case config::Sought::By::label:
      break;
  }
  const bool given = from.update_frequency.count() > 0;
  return std::make_unique<DockerSource>(
      loop_,
      DockerSource::Settings{names.upstream,
                             from.docker_socket,
                             {sought.name.value, sought.port, sought.weight, sought.priority},
                             names.filter,
                             given ? Duration(from.update_frequency) : kDockerInterval});
}

// Null where there is none to be had.
std::unique_ptr<Source> Discovery::make_source(const Search& search, const NameSettings& names) {
  if (search.sought) {
    return make_sought(*search.sought, search.how, names);
  }
  if (search.how.kind == config::DiscoveryKind::file) {
    return std::make_unique<FileSource>(loop_, names.upstream, search.how.file.value,
                                        file_rules(search.how, search.port));
  }
  return make_store_source_(loop_,
                            {names.upstream, search.how.etcd.value, {search.port, names.filter}});
}

std::shared_ptr<SharedSource> Discovery::find_or_make(const std::string& upstream, Search search) {
  auto& known = known_[upstream];
  std::erase_if(known, [](const Known& one) { return one.source.expired(); });
  if (const auto found = std::ranges::find(known, search, &Known::search); found != known.end()) {
    return found->source.lock();
  }
  const auto names = std::make_shared<const NameSettings>(
      NameSettings{upstream, AddressFilter(search.how.allow), search.how.update_frequency,
                   search.how.ipv4_only});
  auto made = make_source(search, *names);
  if (made == nullptr) {
    return nullptr;
  }
  auto shared = std::make_shared<SharedSource>(std::move(made), names);
  known.push_back({std::move(search), shared});
  return shared;
}

std::vector<std::shared_ptr<SharedSource>> Discovery::make_sources(const std::string& upstream,
                                                                   const config::Discovery& from,
                                                                   uint16_t port) {
  config::Discovery how = from;
  how.sought.clear();
  std::vector<std::shared_ptr<SharedSource>> sources;
  sources.reserve(from.sought.size() + 1);
  for (const config::Sought& sought : from.sought) {
    sources.push_back(find_or_make(upstream, {how, sought, port}));
  }
  const bool stored = from.kind == config::DiscoveryKind::etcd && make_store_source_ != nullptr;
  if (from.kind == config::DiscoveryKind::file || stored) {
    if (auto source = find_or_make(upstream, {how, std::nullopt, port})) {
      sources.push_back(std::move(source));
    }
  }
  return sources;
}

}  // namespace pingap::upstream

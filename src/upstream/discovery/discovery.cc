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

std::unique_ptr<Source> Discovery::make_source(const config::Sought& sought,
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

std::vector<std::unique_ptr<Source>> Discovery::make_sources(const std::string& upstream,
                                                             const config::Discovery& from,
                                                             uint16_t port) {
  std::vector<std::unique_ptr<Source>> sources;
  sources.reserve(from.sought.size() + 1);
  const NameSettings& names = names_.emplace_back(
      NameSettings{upstream, AddressFilter(from.allow), from.update_frequency, from.ipv4_only});
  for (const config::Sought& sought : from.sought) {
    sources.push_back(make_source(sought, from, names));
  }
  if (from.kind == config::DiscoveryKind::file) {
    sources.push_back(
        std::make_unique<FileSource>(loop_, upstream, from.file.value, file_rules(from, port)));
  }
  if (from.kind == config::DiscoveryKind::etcd && make_store_source_) {
    if (auto source =
            make_store_source_(loop_, {upstream, from.etcd.value, {port, names.filter}})) {
      sources.push_back(std::move(source));
    }
  }
  return sources;
}

}  // namespace pingap::upstream

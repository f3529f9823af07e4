#include "remote/etcd_source.h"

#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "remote/etcd_server.h"

namespace pingap::remote {
namespace {

std::string prefix_of(const config::EtcdAddress& address) {
  return address.path + "/";
}

}  // namespace

std::unique_ptr<upstream::Source> make_etcd_source(net::EventLoop& loop,
                                                   upstream::StoreQuery query) {
  auto address = config::parse_etcd_url(query.url);
  if (!address) {
    return nullptr;
  }
  return std::make_unique<EtcdSource>(loop, std::move(query), std::move(*address));
}

EtcdSource::EtcdSource(net::EventLoop& loop, upstream::StoreQuery query,
                       config::EtcdAddress address)
    : loop_(loop),
      query_(std::move(query)),
      name_("etcd " + prefix_of(address)),
      client_(std::move(address)),
      follower_(client_,
                {prefix_of(client_.address()), [](std::string_view /*key*/) { return true; },
                 fmt::format("upstream {}: etcd:{}", query_.upstream, client_.address().path),
                 Trouble::Part::discovery, query_.upstream, "the servers of before stay"}),
      self_(std::make_shared<EtcdSource*>(this)) {
}

void EtcdSource::start(Report report) {
  report_ = std::move(report);
  const std::weak_ptr<EtcdSource*> weak = self_;
  follower_.refresh();  // so that also a failure is told: nobody is to wait then
  thread_ = std::jthread([this, weak](const std::stop_token& stop) {
    const auto bring = [&loop = loop_, weak](EtcdResult<EtcdRange> range) {
      loop.post([weak, range = std::move(range)] {
        if (const auto self = weak.lock()) {
          (*self)->use(range);
        }
      });
    };
    follower_.run(std::nullopt, bring, stop);
  });
}

void EtcdSource::use(const EtcdResult<EtcdRange>& range) {
  settled_ = true;
  if (!range) {
    return;  // the follower goes on trying, and says so
  }
  std::vector<upstream::Found> servers;
  std::map<std::string, int64_t> complained;
  for (const EtcdItem& item : range->items) {
    auto found = parse_etcd_server(item.value, query_.rules);
    if (found) {
      servers.insert(servers.end(), found->begin(), found->end());
      continue;
    }
    const auto known = complained_.find(item.key);
    if (known == complained_.end() || known->second != item.mod_revision) {
      PINGAP_LOG(warn, "upstream {}: etcd:{} is no server: {}", query_.upstream, item.key,
                 found.error());
    }
    complained.emplace(item.key, item.mod_revision);
  }
  complained_ = std::move(complained);
  PINGAP_LOG(info, "upstream {}: etcd:{} has {} server{}", query_.upstream, client_.address().path,
             servers.size(), servers.size() == 1 ? "" : "s");
  report_(std::move(servers));
}

}  // namespace pingap::remote

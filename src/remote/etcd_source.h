// Servers of an upstream that register in etcd: each key below a path is one, or a list of some. A
// thread of its own follows the path; what it finds is told on the loop. Control thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <thread>

#include "remote/etcd_follower.h"
#include "upstream/discovery/store_source.h"

namespace pingap::remote {

// Null where the URL is none, which the configuration has said already.
std::unique_ptr<upstream::Source> make_etcd_source(net::EventLoop& loop,
                                                   upstream::StoreQuery query);

class EtcdSource final : public upstream::Source {
 public:
  EtcdSource(net::EventLoop& loop, upstream::StoreQuery query, config::EtcdAddress address);

  const std::string& name() const noexcept override { return name_; }

  void start(Report report) override;

  bool settled() const noexcept override { return settled_; }

  size_t left_out() const noexcept override { return complained_.size(); }

 private:
  void use(const EtcdResult<EtcdRange>& range);

  net::EventLoop& loop_;
  const upstream::StoreQuery query_;
  const std::string name_;
  EtcdClient client_;
  EtcdFollower follower_;
  Report report_;
  bool settled_ = false;
  std::map<std::string, int64_t> complained_;  // of keys: the write that was complained of
  std::shared_ptr<EtcdSource*> self_;          // what comes after the end finds nobody
  std::jthread thread_;                        // ends first
};

}  // namespace pingap::remote

// A configuration in etcd: every key PATH/*.toml is a text, like the files of a folder; or, where
// PATH ends with ".toml", that key is all of it. Hidden names and other keys are passed over.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/storage.h"
#include "remote/etcd_client.h"
#include "remote/etcd_follower.h"

namespace pingap::remote {

class EtcdStorage final : public config::Storage {
 public:
  explicit EtcdStorage(config::EtcdAddress address);

  const std::string& name() const noexcept override { return name_; }

  config::Stored read(config::Diagnostics& diagnostics) override;
  tl::expected<config::Stored, std::string> peek() override;
  tl::expected<std::string, config::WriteFailure> write(const std::vector<config::Text>& texts,
                                                        const std::string& expected) override;

  bool can_follow() const noexcept override { return true; }

  void follow(const Changed& changed, const std::stop_token& stop) override;

  void refresh() noexcept override { follower_.refresh(); }

 private:
  bool wanted(std::string_view key) const;
  std::string path_of(std::string_view key) const;
  std::string key_of(std::string_view path) const;
  EtcdResult<EtcdRange> read_patiently();
  config::Stored stored(const EtcdRange& range) const;
  tl::expected<std::string, config::WriteFailure> commit(const EtcdWrite& write,
                                                         const std::vector<config::Text>& texts);
  tl::expected<std::string, config::WriteFailure> after_doubt(
      const std::vector<config::Text>& texts, std::string_view doubt);

  const bool single_;
  const std::string path_;
  const std::string prefix_;  // of the keys that are read
  const std::string name_;
  EtcdClient client_;
  EtcdFollower follower_;
  std::optional<EtcdRange> read_;  // last
};

}  // namespace pingap::remote

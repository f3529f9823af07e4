#include "control/storage.h"

#include <utility>

#include "base/log.h"
#include "config/etcd_url.h"
#include "remote/etcd_storage.h"

namespace pingap::control {

tl::expected<std::unique_ptr<config::Storage>, Refusal> open_storage(const std::string& config) {
  if (!config::is_etcd_url(config)) {
    return std::make_unique<config::FileStorage>(config);
  }
  auto address = config::parse_etcd_url(config);
  if (!address) {
    config::Diagnostics diagnostics;
    config::Problem& problem = address.error();
    diagnostics.error({}, std::move(problem.what), std::move(problem.allowed),
                      std::move(problem.hint));
    return tl::make_unexpected(Refusal{ExitCode::invalid_config, diagnostics.render()});
  }
  if (!address->user.empty() && !address->tls) {
    PINGAP_LOG(warn, "the password for {} goes over the network in the clear: use tls=true",
               address->to_string());
  }
  return std::make_unique<remote::EtcdStorage>(std::move(*address));
}

}  // namespace pingap::control

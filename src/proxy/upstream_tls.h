// What the files that an upstream's TLS needs have made of it. The same one in all snapshots that
// have the upstream as it is. Control thread.
#pragma once

#include <memory>
#include <vector>

#include "config/upstream.h"
#include "proxy/certificate_files.h"
#include "tls/live.h"

namespace pingap::proxy {

struct UpstreamTls {
  struct Use {
    config::UpstreamTls settings;
    std::shared_ptr<tls::LiveClient> live;
  };

  CertificateFiles files;  // as they were before those were read that are in use
  std::vector<Use> uses;   // of requests, of checks

  // Nothing has changed since, and nothing is left out.
  bool is_as_of(const CertificateFiles& now) const noexcept {
    return files.state == now.state && files.left_out.empty();
  }
};

}  // namespace pingap::proxy

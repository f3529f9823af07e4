// TLS of the sites: certificates and policies of the configuration, loaded and checked. Control
// thread; blocks on files.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "config/diagnostics.h"
#include "config/model.h"
#include "tls/client_context.h"
#include "tls/server_context.h"

namespace pingap::proxy {

class TlsLoader {
 public:
  // Loads [certificates.*]; what is wrong goes to `diagnostics`.
  TlsLoader(const config::Model& model, config::Diagnostics& diagnostics, tls::TicketKeys& keys);

  // Null without TLS, or with an error. `section` is whose it is ("servers.a"), `at` its place.
  std::unique_ptr<tls::ServerContext> build(const config::ServerTls& from, std::string_view section,
                                            config::Position at);

 private:
  void add(const config::CertificateEntry& entry);
  tls::ServerPolicy policy_of(const config::ServerTls& from);

  config::Diagnostics& diagnostics_;
  tls::TicketKeys& keys_;
  std::vector<tls::ServerCertificate> store_;
};

// TLS to the servers of an upstream; null with an error, which is in `diagnostics`.
std::shared_ptr<const tls::ClientContext> load_client_tls(const config::Upstream& upstream,
                                                          config::Diagnostics& diagnostics);

}  // namespace pingap::proxy

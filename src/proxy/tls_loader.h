// TLS of the sites and to the upstreams: certificates and policies of the configuration, loaded and
// checked. Control thread; blocks on files.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostics.h"
#include "config/model.h"
#include "proxy/snapshot.h"
#include "tls/client_context.h"
#include "tls/server_context.h"

namespace pingap::proxy {

// What becomes of a certificate, key or list of authorities whose file cannot be used. What stands
// in the configuration itself is an error always.
enum class BadFiles : uint8_t {
  refused,   // an error
  left_out,  // a warning: who needs it is not served until it can be used
};

BadFiles bad_files_for(Finding finding) noexcept;

class TlsLoader {
 public:
  // Loads [certificates.*]; what is wrong goes to `diagnostics`.
  TlsLoader(const config::Model& model, config::Diagnostics& diagnostics, tls::TicketKeys& keys,
            BadFiles bad_files);

  struct Built {
    std::unique_ptr<tls::ServerContext> context;  // null: nobody can be served, or an error
    std::string left_out;                         // which file, and why; a text for people
  };

  // Nothing without TLS. `section` is whose it is ("servers.a"), `at` its place.
  Built build(const config::ServerTls& from, std::string_view section, config::Position at);

 private:
  void add(const config::CertificateEntry& entry);

  config::Diagnostics& diagnostics_;
  tls::TicketKeys& keys_;
  const BadFiles bad_files_;
  std::vector<tls::ServerCertificate> store_;
  std::string left_out_;  // of the store
};

// TLS to the servers of an upstream.
struct ClientTls {
  std::shared_ptr<const tls::ClientContext> context;  // null: something is left out, or an error
  std::string left_out;                               // which file, and why; a text for people
};

// `section` is whose it is ("upstreams.a"), `at` its place.
ClientTls load_client_tls(const config::UpstreamTls& from, std::string_view section,
                          config::Position at, config::Diagnostics& diagnostics,
                          BadFiles bad_files);

}  // namespace pingap::proxy

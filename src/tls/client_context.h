// What an upstream needs to speak TLS to its servers. Built by the control thread; shared by all
// workers, immutable but for the sessions it keeps.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "tls/certificate.h"
#include "tls/openssl.h"

namespace pingap::tls {

struct ClientPolicy {
  bool verify = true;
  bool own_ca = false;  // trust those of `ca`, PEM, instead of the system's
  std::string ca;
  std::shared_ptr<const Certificate> certificate;  // shown when asked for; may be null
  bool h1 = true;                                  // offered by ALPN
  bool h2 = false;                                 // before h1
};

class SessionStore;

class ClientContext {
 public:
  static tl::expected<std::unique_ptr<ClientContext>, std::string> build(
      const ClientPolicy& policy);
  ~ClientContext();

  // A new connection to `server`, whose sessions are its own. `sni` is sent unless empty or an
  // address; the certificate must be for `name`, a host name or an address. Any thread; null out of
  // memory.
  SslPtr connect(std::string_view server, const std::string& sni, const std::string& name) const;

 private:
  ClientContext();

  SslCtxPtr context_;
  std::unique_ptr<SessionStore> sessions_;
  bool verify_ = true;
};

}  // namespace pingap::tls
